"""The promises of `bridge.connect.port`, each as a test any connector must pass against its simulated site.

A connector's own test module subclasses `ConnectorConformance` and says where it stands; pytest collects the rest:

    class TestGitHub(ConnectorConformance):
        site_kind = "github"
        kind = KIND
        login = {"token": "sandbox"}
        person = {"token": "sandbox:engineer"}
        stranger = {"token": "nobody's"}
        admin = {"token": "sandbox:lead"}
        scope = {"repository": "vendor/platform"}
        summary = "title"
        edit = ("labels", ["checked"])
        missing_id = "vendor/platform#404"
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any, ClassVar

import pytest

from bridge.connect.hooks import HookWish
from bridge.connect.port import Connector, ConnectorKind, Gone
from bridge.errors import (
    ChangedError,
    MissingError,
    PermanentError,
    RefusedError,
    SkippableError,
    TemporaryError,
    UnknownOutcomeError,
)
from bridge.model.document import doc, node, paragraph, to_plain
from bridge.model.feed import Fact, rewind
from bridge.model.operation import (
    CannotTell,
    Finding,
    Found,
    Hiding,
    OperationKind,
    Probe,
    TicketChange,
    Upload,
    Uploaded,
)
from bridge.model.signpost import LONGEST_NAME, Signpost
from bridge.model.ticket import Attachment, Comment, Snapshot, TicketRef
from bridge.model.words import Visibility
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import Sandbox
from bridge.testing.stand import SITE, Stand, words

_TRIES = 3


class ConnectorConformance:
    """Subclass this. `person`, `stranger` and `admin` are logins (merged over `login`) of another account, of nobody, and
    of one that may register webhooks, which `person` may not.

    `edit` is a native field with a value no new ticket has; `lag_s` is how long the site's feeds and histories hold
    back a change; `files_by_comment` says that a file stands nowhere before a comment names it, `erases_comments` that a
    comment's marker can be taken out of it. For pytest's long explanations call
    `pytest.register_assert_rewrite("bridge.testing")` beforehand.
    """

    site_kind: ClassVar[str]
    kind: ClassVar[ConnectorKind]
    login: ClassVar[Mapping[str, Any]]
    person: ClassVar[Mapping[str, Any]]
    stranger: ClassVar[Mapping[str, Any]]
    admin: ClassVar[Mapping[str, Any]]
    scope: ClassVar[Mapping[str, str]]
    summary: ClassVar[str]
    edit: ClassVar[tuple[str, Any]]
    missing_id: ClassVar[str]
    lag_s: ClassVar[float] = 0.0
    site_settings: ClassVar[Mapping[str, Any]] = {}
    files_by_comment: ClassVar[bool] = False
    erases_comments: ClassVar[bool] = True

    @pytest.fixture
    def stand(self) -> Iterator[Stand]:
        """A fresh sandbox with one site."""
        with Sandbox({SITE: self.site_kind}, seed=1, settings={SITE: self.site_settings}) as sandbox:
            fields = frozenset({self.summary, self.edit[0]})
            stand = Stand(sandbox, self.kind, self.login, self.scope, fields, self.lag_s)
            yield stand
            stand.close()

    @pytest.fixture
    def connector(self, stand: Stand) -> Connector:
        """Bridge's own connector."""
        return stand.connect()

    def search(self, stand: Stand, connector: Connector, probe: Probe) -> Finding:
        """Find, waiting as often as the connector cannot tell yet."""
        finding = connector.find(probe)
        for _ in range(_TRIES):
            if not isinstance(finding, CannotTell):
                break
            left_s = (finding.until - stand.sandbox.world.now()).total_seconds()
            stand.wait(max(1.0, left_s + 1.0))
            finding = connector.find(probe)
        return finding

    # Creating

    def test_connecting_and_naming_feeds_sends_nothing(self, stand: Stand, connector: Connector) -> None:
        assert connector.feeds()
        assert connector.capabilities.text_limit > 0
        assert stand.sandbox.log == []

    def test_a_created_ticket_bears_its_marker_and_reads_as_sent(self, stand: Stand, connector: Connector) -> None:
        draft = stand.ticket()
        written = connector.create(draft)
        assert len(stand.writes()) == 1
        seen = stand.read(stand.connect(), written.ref)
        assert seen.ref == written.ref
        assert seen.marker == draft.marker
        assert seen.value(self.summary) == draft.summary
        assert seen.sender.ours
        assert seen.created_at.utcoffset() == seen.version.at.utcoffset() == timedelta(0)

    def test_a_ticket_is_located_by_the_name_people_call_it(self, stand: Stand, connector: Connector) -> None:
        written = connector.create(stand.ticket())
        key = stand.read(connector, written.ref).key
        stand.sandbox.clear_log()
        assert connector.locate(key, self.scope) == written.ref
        assert connector.locate(key.rpartition("#")[2].rpartition("-")[2], self.scope) == written.ref
        assert connector.locate("no such name", self.scope) is None
        assert len(stand.sandbox.log) <= 2
        assert stand.writes() == []

    def test_a_create_whose_answer_is_lost_happened_once_and_is_found(self, stand: Stand, connector: Connector) -> None:
        draft, sent_at = stand.ticket(), stand.sandbox.world.now()
        stand.sandbox.faults.add(Fault(kind="drop_after", writes_only=True, count=1))
        with pytest.raises(UnknownOutcomeError):
            connector.create(draft)
        assert len(stand.writes()) == 1
        probe = Probe(OperationKind.CREATE, draft.marker, scope=self.scope, sent_at=sent_at)
        finding = self.search(stand, stand.connect(), probe)
        assert isinstance(finding, Found)
        assert stand.read(connector, finding.written.ref).marker == draft.marker

    def test_a_create_that_never_arrived_is_not_found(self, stand: Stand, connector: Connector) -> None:
        draft, sent_at = stand.ticket(), stand.sandbox.world.now()
        stand.sandbox.faults.add(Fault(kind="drop_before", writes_only=True, count=1))
        with pytest.raises((UnknownOutcomeError, TemporaryError)):
            connector.create(draft)
        probe = Probe(OperationKind.CREATE, draft.marker, scope=self.scope, sent_at=sent_at)
        assert not isinstance(connector.find(probe), Found)

    def test_another_ticket_s_marker_is_not_found(self, stand: Stand, connector: Connector) -> None:
        connector.create(stand.ticket("7"))
        probe = Probe(
            OperationKind.CREATE, stand.ticket("8").marker, scope=self.scope, sent_at=stand.sandbox.world.now()
        )
        assert not isinstance(connector.find(probe), Found)

    def test_a_marker_counts_only_from_our_account_and_with_our_key(self, stand: Stand, connector: Connector) -> None:
        theirs = stand.connect(self.person).create(stand.ticket("7")).ref
        forged = stand.connect(key=b"another key").create(stand.ticket("8", key=b"another key")).ref
        assert stand.read(connector, theirs).marker is None
        assert stand.read(connector, forged).marker is None

    # Errors

    def test_a_limit_met_while_creating_is_temporary_and_not_retried(self, stand: Stand, connector: Connector) -> None:
        stand.sandbox.faults.add(Fault(kind="status", status=429, retry_after_s=7, writes_only=True))
        with pytest.raises(TemporaryError) as met:
            connector.create(stand.ticket())
        assert met.value.retry_after_s == 7
        assert len(stand.writes()) == 1

    def test_a_failing_site_leaves_a_create_unknown_and_not_retried(self, stand: Stand, connector: Connector) -> None:
        stand.sandbox.faults.add(Fault(kind="status", status=503, writes_only=True))
        with pytest.raises(UnknownOutcomeError) as met:
            connector.create(stand.ticket())
        assert met.value.horizon_s == 0
        assert len(stand.writes()) == 1

    def test_a_failing_site_makes_reading_a_temporary_failure(self, stand: Stand, connector: Connector) -> None:
        stand.sandbox.faults.add(Fault(kind="status", status=502))
        with pytest.raises(TemporaryError):
            stand.drain(connector, {})

    def test_wrong_credentials_are_refused(self, stand: Stand) -> None:
        with pytest.raises(RefusedError):
            stand.drain(stand.connect(self.stranger), {})

    # Comments

    def test_comments_read_in_order_with_their_authors_and_markers(self, stand: Stand, connector: Connector) -> None:
        ref = connector.create(stand.ticket()).ref
        ours, theirs = stand.remark("1", says="We are on it."), stand.remark("2", says="Thank you *all*.")
        written = connector.comment(ref, "k1", ours)
        stand.sandbox.world.advance(2)
        stand.connect(self.person).comment(ref, "k2", theirs)
        thread = stand.read(connector, ref).thread
        assert thread is not None
        assert thread.complete
        assert [to_plain(comment.body) for comment in thread.comments] == ["We are on it.", "Thank you *all*."]
        assert [comment.author.ours for comment in thread.comments] == [True, False]
        assert [comment.marker for comment in thread.comments] == [ours.marker, None]
        assert thread.comments[0].id == written.comment_id
        assert all(comment.visibility is Visibility.PUBLIC for comment in thread.comments)

    def test_a_comment_whose_answer_is_lost_was_written_once_and_is_found(
        self, stand: Stand, connector: Connector
    ) -> None:
        ref = connector.create(stand.ticket()).ref
        draft, sent_at = stand.remark(), stand.sandbox.world.now()
        stand.sandbox.clear_log()
        stand.sandbox.faults.add(Fault(kind="drop_after", writes_only=True, count=1))
        with pytest.raises(UnknownOutcomeError):
            connector.comment(ref, "k", draft)
        assert len(stand.writes()) == 1
        finding = self.search(
            stand,
            stand.connect(),
            Probe(OperationKind.COMMENT, draft.marker, ref=ref, scope=self.scope, sent_at=sent_at),
        )
        assert isinstance(finding, Found)
        thread = stand.read(connector, ref).thread
        assert thread is not None
        assert [comment.id for comment in thread.comments] == [finding.written.comment_id]

    def test_a_comment_that_was_never_written_is_not_found(self, stand: Stand, connector: Connector) -> None:
        ref = connector.create(stand.ticket()).ref
        connector.comment(ref, "k", stand.remark("1"))
        probe = Probe(OperationKind.COMMENT, stand.remark("2").marker, ref=ref, sent_at=stand.sandbox.world.now())
        assert not isinstance(connector.find(probe), Found)

    @pytest.mark.parametrize("visibility", list(Visibility))
    def test_a_visibility_the_site_lacks_is_refused_before_anything_is_sent(
        self, stand: Stand, connector: Connector, visibility: Visibility
    ) -> None:
        if self.kind.writable(visibility):
            pytest.skip("this site has it")
        ref = connector.create(stand.ticket()).ref
        stand.sandbox.clear_log()
        with pytest.raises(PermanentError):
            connector.comment(ref, "k", replace(stand.remark(), visibility=visibility))
        assert stand.writes() == []

    # Signposts

    def test_a_signpost_stands_once_whatever_is_put_and_is_taken_away(self, stand: Stand, connector: Connector) -> None:
        if not connector.capabilities.signposts:
            pytest.skip("this product has none")
        ref = connector.create(stand.ticket()).ref
        before = stand.read(connector, ref)
        other = Signpost("desk/8", "Ticket #8", "https://desk.example/8")
        first = Signpost("desk/7", "Ticket #7", "https://desk.example/7?a=b&c=d", "in agreement", "mirrored with")
        assert connector.signposts(ref) == {}
        for one in (other, first):
            connector.put_signpost(ref, one)
        assert stand.connect().signposts(ref) == {"desk/7": first, "desk/8": other}
        changed = replace(first, title="Ticket #70", summary="rests: it was deleted & left", resolved=True)
        for _ in range(2):
            stand.sandbox.clear_log()
            connector.put_signpost(ref, changed)
            assert len(stand.writes()) == 1
        assert connector.signposts(ref) == {"desk/7": changed, "desk/8": other}
        after = stand.read(connector, ref)
        assert (after.fields, after.thread) == (before.fields, before.thread)
        for _ in range(2):
            stand.sandbox.clear_log()
            connector.take_signpost(ref, "desk/7")
            assert len(stand.writes()) == 1
        assert connector.signposts(ref) == {"desk/8": other}

    def test_a_signpost_s_name_may_be_long_and_odd_and_links_of_others_are_left_alone(
        self, stand: Stand, connector: Connector
    ) -> None:
        if not connector.capabilities.signposts:
            pytest.skip("this product has none")
        ref = connector.create(stand.ticket()).ref
        name = "desk/a b&c=d?e#f:%20+" + "x" * (LONGEST_NAME - 21)
        connector.put_signpost(ref, Signpost(name, "Ticket", "https://desk.example/1"))
        assert list(connector.signposts(ref)) == [name]
        connector.take_signpost(ref, "desk/a b")
        connector.take_signpost(ref, name[:-1])
        assert list(connector.signposts(ref)) == [name]
        connector.take_signpost(ref, name)
        assert connector.signposts(ref) == {}

    def test_a_signpost_on_a_ticket_that_is_gone(self, connector: Connector) -> None:
        ref = TicketRef(SITE, self.missing_id)
        connector.take_signpost(ref, "desk/7")
        post = Signpost("desk/7", "Ticket #7", "https://desk.example/7")
        with pytest.raises(MissingError if connector.capabilities.signposts else PermanentError):
            connector.put_signpost(ref, post)
        if connector.capabilities.signposts:
            with pytest.raises(MissingError):
                connector.signposts(ref)

    def test_a_signpost_whose_answer_is_lost_may_be_put_again(self, stand: Stand, connector: Connector) -> None:
        if not connector.capabilities.signposts:
            pytest.skip("this product has none")
        ref = connector.create(stand.ticket()).ref
        post = Signpost("desk/7", "Ticket #7", "https://desk.example/7")
        stand.sandbox.faults.add(Fault(kind="drop_after", writes_only=True, count=1))
        with pytest.raises(UnknownOutcomeError):
            connector.put_signpost(ref, post)
        assert connector.signposts(ref) == {"desk/7": post}
        with connector.permit(OperationKind.SIGN, ref):
            connector.put_signpost(ref, post)
        assert connector.signposts(ref) == {"desk/7": post}

    # Leaving

    def test_markers_of_a_case_are_erased_and_words_and_other_cases_stay(
        self, stand: Stand, connector: Connector
    ) -> None:
        ref = connector.create(stand.ticket()).ref
        for item, says in (("1", "We are on it."), ("2", "It is *done*.")):
            connector.comment(ref, item, stand.remark(item, says=says))
        stand.sandbox.world.advance(2)
        stand.connect(self.person).comment(ref, "k", stand.remark("3", says="Thank you."))
        before = stand.read(stand.connect(), ref)
        stand.sandbox.clear_log()
        assert connector.erase(ref, frozenset({"desk/8"})) == ()
        assert stand.writes() == []
        remains = stand.connect().erase(ref, frozenset({"desk/7"}))
        after = stand.read(stand.connect(), ref)
        assert after.marker is None
        assert before.thread is not None
        assert after.thread is not None
        assert [one.body for one in after.thread.comments] == [one.body for one in before.thread.comments]
        assert after.value(self.summary) == before.value(self.summary)
        markers = [one.marker for one in after.thread.comments]
        if self.erases_comments:
            assert markers == [None, None, None]
        else:
            assert remains
        stand.sandbox.clear_log()
        stand.connect().erase(ref, frozenset({"desk/7"}))
        assert stand.writes() == []

    def test_erasing_at_a_ticket_that_is_gone(self, connector: Connector) -> None:
        with pytest.raises(MissingError):
            connector.erase(TicketRef(SITE, self.missing_id), frozenset({"desk/7"}))

    # Files

    def show_file(self, stand: Stand, connector: Connector, ref: TicketRef, content: bytes) -> Attachment:
        """A file that another person put into a comment of theirs, as bridge's own connector reads it."""
        person = stand.connect(self.person)
        made = person.upload(ref, stand.upload("fire.png", content, "image/png"))
        self.write_shown(stand, person, ref, made)
        thread = stand.read(connector, ref).thread
        assert thread is not None
        [file] = thread.comments[-1].attachments
        return file

    def write_shown(self, stand: Stand, person: Connector, ref: TicketRef, made: Uploaded) -> None:
        """That person's comment with the file in it."""
        picture = node("image", url=made.url, name=made.name)
        draft = replace(stand.remark("file"), body=doc(paragraph(picture)), attachments=(made,))
        person.comment(ref, "k", draft)

    @pytest.fixture
    def filed(self, stand: Stand, connector: Connector) -> TicketRef:
        """A new ticket, at a site that takes files."""
        if not connector.capabilities.attachments:
            pytest.skip("this site has no files")
        return connector.create(stand.ticket()).ref

    def test_a_site_without_files_says_so_before_anything_is_sent(self, stand: Stand, connector: Connector) -> None:
        if connector.capabilities.attachments:
            pytest.skip("this site takes files")
        ref = connector.create(stand.ticket()).ref
        stand.sandbox.clear_log()
        assert connector.file_limit() == 0
        with pytest.raises(PermanentError):
            connector.upload(ref, stand.upload("a.txt", b"abc"))
        with pytest.raises(PermanentError), connector.open_file(Attachment("1", "a.txt", "https://x.example/a.txt")):
            pass
        assert stand.writes() == []

    def test_a_file_in_a_comment_is_told_and_comes_back_byte_for_byte(
        self, stand: Stand, connector: Connector, filed: TicketRef
    ) -> None:
        content = bytes(range(256)) * 9000
        file = self.show_file(stand, connector, filed, content)
        assert (file.size, file.media_type, file.inline, file.malware) == (len(content), "image/png", True, False)
        assert file.name == "fire.png"
        stand.sandbox.clear_log()
        with connector.open_file(file) as stream:
            assert b"".join(stream.chunks) == content
            assert stream.size == len(content)
        assert stand.writes() == []

    def test_what_was_uploaded_tells_its_digest_and_its_size(
        self, stand: Stand, connector: Connector, filed: TicketRef
    ) -> None:
        made = connector.upload(filed, stand.upload("grüße an alle.txt", b"Bytes."))
        assert made.sha256 == sha256(b"Bytes.").hexdigest()
        assert (made.name, made.size) == ("grüße an alle.txt", 6)

    def test_a_lost_reply_to_an_upload_can_be_told_from_a_failed_one(
        self, stand: Stand, connector: Connector, filed: TicketRef
    ) -> None:
        for kind, stands in (("drop_before", False), ("drop_after", True)):
            stand.sandbox.faults.add(Fault(kind=kind, writes_only=True, count=1))
            with pytest.raises(UnknownOutcomeError):
                connector.upload(filed, stand.upload(f"{kind}.txt", b"abc"))
            assert len(stand.writes()) == 2
            own = stand.connect().own_files(filed)
            # Where a file comes with its comment, one without a comment stands nowhere.
            assert (f"{kind}.txt" in own) == (stands and not self.files_by_comment)
            stand.sandbox.clear_log()
            connector.comment(filed, "k", stand.remark(kind))

    def test_another_person_s_file_is_not_taken_for_our_own(
        self, stand: Stand, connector: Connector, filed: TicketRef
    ) -> None:
        stand.connect(self.person).upload(filed, stand.upload("theirs.txt", b"abc"))
        assert connector.own_files(filed) == {}

    @pytest.mark.parametrize("kind", ["cut", "drop_before"])
    def test_a_file_that_breaks_off_is_a_temporary_failure(
        self, stand: Stand, connector: Connector, filed: TicketRef, kind: str
    ) -> None:
        file = self.show_file(stand, connector, filed, b"0123456789" * 1000)
        stand.sandbox.faults.add(Fault(kind=kind, method="GET", path="content|secure"))
        with pytest.raises(TemporaryError), connector.open_file(file) as stream:
            b"".join(stream.chunks)

    def test_a_file_that_changes_while_it_is_sent_is_not_kept(
        self, stand: Stand, connector: Connector, filed: TicketRef
    ) -> None:
        for size in (2, 4):
            with pytest.raises(PermanentError):
                connector.upload(filed, Upload("moving.txt", size, "text/plain", iter([b"abc"])))
        assert connector.own_files(filed) == {}

    def test_nothing_is_fetched_from_a_stranger_s_host(
        self, stand: Stand, connector: Connector, filed: TicketRef
    ) -> None:
        stand.sandbox.clear_log()
        for url in ("http://127.0.0.1:9/secret", "http://metadata.example/token", "file:///etc/passwd", ""):
            with pytest.raises(PermanentError), connector.open_file(Attachment("0", "a.txt", url)):
                pass
        assert [entry for entry in stand.sandbox.log if "secret" in entry["url"] or "token" in entry["url"]] == []

    def test_a_file_larger_than_the_site_takes_is_refused_as_such(
        self, stand: Stand, connector: Connector, filed: TicketRef
    ) -> None:
        stand.sandbox.sites[SITE].settings |= {"most_bytes": 10, "upload_limit": 10}
        with pytest.raises(PermanentError) as met:
            connector.upload(filed, stand.upload("large.txt", b"12345678901"))
        assert met.value.status == 413
        assert stand.connect(attachment_limit=5).file_limit() == 5

    # Taking back and rewriting

    def _remark(self, stand: Stand, connector: Connector) -> tuple[TicketRef, str]:
        """A ticket with one comment of ours: its ref and the comment's id. The log is empty afterwards."""
        ref = connector.create(stand.ticket()).ref
        ident = connector.comment(ref, "k", stand.remark(says="The password is *hunter2*.")).comment_id
        stand.sandbox.world.advance(5)
        stand.sandbox.clear_log()
        return ref, ident

    @staticmethod
    def _seen(stand: Stand, ref: TicketRef, ident: str) -> Comment | None:
        thread = stand.read(stand.connect(), ref).thread
        assert thread is not None
        return next((comment for comment in thread.comments if comment.id == ident), None)

    def test_what_was_written_reads_as_shown_says(self, stand: Stand, connector: Connector) -> None:
        ref, ident = self._remark(stand, connector)
        seen = self._seen(stand, ref, ident)
        assert seen is not None
        assert seen.body == connector.shown(words("The password is *hunter2*."))

    def test_an_edited_comment_reads_as_sent_and_keeps_its_marker(self, stand: Stand, connector: Connector) -> None:
        if not connector.capabilities.edits_comments:
            pytest.skip("this site edits no comments")
        ref, ident = self._remark(stand, connector)
        draft = replace(stand.remark(), body=words("The password is *gone*.", "Look at `vault get`."))
        for _ in range(2):
            stand.sandbox.clear_log()
            assert connector.edit_comment(ref, ident, draft).comment_id == ident
            assert len(stand.writes()) == 1
        seen = self._seen(stand, ref, ident)
        assert seen is not None
        assert seen.body == connector.shown(draft.body) == connector.shown(seen.body)
        assert seen.marker == draft.marker
        assert seen.edited_at is not None

    def test_an_edit_whose_answer_is_lost_is_sent_once_and_can_be_read(
        self, stand: Stand, connector: Connector
    ) -> None:
        if not connector.capabilities.edits_comments:
            pytest.skip("this site edits no comments")
        ref, ident = self._remark(stand, connector)
        draft = stand.remark(says="The password is gone.")
        stand.sandbox.faults.add(Fault(kind="drop_after", writes_only=True, count=1))
        with pytest.raises(UnknownOutcomeError):
            connector.edit_comment(ref, ident, draft)
        assert len(stand.writes()) == 1
        seen = self._seen(stand, ref, ident)
        assert seen is not None
        assert seen.body == connector.shown(draft.body)

    @pytest.mark.parametrize("how", list(Hiding))
    def test_a_comment_taken_back_is_kept_from_those_it_is_hidden_from(
        self, stand: Stand, connector: Connector, how: Hiding
    ) -> None:
        if how not in connector.capabilities.hides_comments:
            pytest.skip("this site cannot")
        ref, ident = self._remark(stand, connector)
        connector.hide_comment(ref, ident, how)
        assert len(stand.writes()) == 1
        seen = self._seen(stand, ref, ident)
        if how is Hiding.INTERNAL:
            assert seen is not None
            assert seen.visibility is Visibility.INTERNAL
        else:
            assert seen is None or not seen.body.children

    @pytest.mark.parametrize("how", list(Hiding))
    def test_a_hiding_whose_answer_is_lost_is_sent_once_and_can_be_read(
        self, stand: Stand, connector: Connector, how: Hiding
    ) -> None:
        if how not in connector.capabilities.hides_comments:
            pytest.skip("this site cannot")
        ref, ident = self._remark(stand, connector)
        stand.sandbox.faults.add(Fault(kind="drop_after", writes_only=True, count=1))
        with pytest.raises(UnknownOutcomeError):
            connector.hide_comment(ref, ident, how)
        assert len(stand.writes()) == 1
        seen = self._seen(stand, ref, ident)
        assert seen is None or seen.visibility is Visibility.INTERNAL or not seen.body.children

    def test_what_a_site_cannot_do_to_a_comment_is_refused_before_anything_is_sent(
        self, stand: Stand, connector: Connector
    ) -> None:
        ref, ident = self._remark(stand, connector)
        able = connector.capabilities
        if not able.edits_comments:
            with pytest.raises(PermanentError):
                connector.edit_comment(ref, ident, stand.remark())
        for how in set(Hiding) - able.hides_comments:
            with pytest.raises(PermanentError):
                connector.hide_comment(ref, ident, how)
        assert stand.writes() == []

    def test_a_comment_that_is_not_there_is_missing(self, stand: Stand, connector: Connector) -> None:
        ref, _ident = self._remark(stand, connector)
        if connector.capabilities.edits_comments:
            with pytest.raises(MissingError):
                connector.edit_comment(ref, "99999999", stand.remark())
        for how in connector.capabilities.hides_comments:
            with pytest.raises(MissingError):
                connector.hide_comment(ref, "99999999", how)

    # Updating

    def _change(self, connector: Connector, ref: TicketRef, fields: Mapping[str, Any], seen: Snapshot) -> TicketChange:
        prior = {name: seen.value(name) for name in fields}
        return TicketChange(ref, "k", fields, prior=prior, version=seen.version)

    def test_an_update_changes_what_it_names_and_nothing_else(self, stand: Stand, connector: Connector) -> None:
        ref = connector.create(stand.ticket()).ref
        seen = stand.read(connector, ref)
        stand.sandbox.world.advance(2)
        stand.sandbox.clear_log()
        name, value = self.edit
        written = connector.update(self._change(connector, ref, {name: value}, seen))
        assert written.ref == ref
        assert len(stand.writes()) == 1
        after = stand.read(stand.connect(), ref)
        assert after.value(name) == connector.normalise(name, value)
        assert after.value(self.summary) == seen.value(self.summary)
        assert after.marker == seen.marker
        assert after.version.at > seen.version.at

    def test_what_a_write_took_the_place_of_is_told_by_its_answer_or_the_past(
        self, stand: Stand, connector: Connector
    ) -> None:
        ref = connector.create(stand.ticket()).ref
        seen = stand.read(connector, ref)
        stand.sandbox.world.advance(2)
        person = stand.connect(self.person)
        person.update(self._change(person, ref, {self.summary: "A person's title"}, stand.read(person, ref)))
        stand.sandbox.world.advance(2)
        ours = replace(self._change(connector, ref, {self.summary: "Our title"}, seen), version=None)
        before = connector.update(ours).before
        if before is None:
            facts = connector.past(ref)
            before = {fact.field: fact.old for fact in facts if fact.kind == "field" and fact.actor.ours}
        assert before[self.summary] == "A person's title"

    def test_what_somebody_added_to_a_list_since_it_was_read_stays(self, stand: Stand, connector: Connector) -> None:
        name, value = self.edit
        if not isinstance(value, list):
            pytest.skip("the field to edit is no list")
        ref = connector.create(stand.ticket()).ref
        first = stand.read(connector, ref)
        stand.sandbox.world.advance(2)
        connector.update(self._change(connector, ref, {name: [*value, "old"]}, first))
        seen = stand.read(connector, ref)
        stand.sandbox.world.advance(2)
        person = stand.connect(self.person)
        person.update(self._change(person, ref, {name: [*value, "old", "needs-design"]}, stand.read(person, ref)))
        wanted = {*value, "new", "needs-design"}
        try:
            connector.update(self._change(connector, ref, {name: [*value, "new"]}, seen))
        except ChangedError:
            # Guarded by its version: nothing was written, and the engine reads again.
            wanted = {*value, "old", "needs-design"}
        assert set(stand.read(connector, ref).value(name)) == wanted

    def test_what_is_written_reads_as_normalise_says(self, stand: Stand, connector: Connector) -> None:
        ref = connector.create(stand.ticket()).ref
        for value in ("  Spaces   around ", "Ünï‮çøde 🔥 <b>&amp;", "long " * 200):
            wanted = connector.normalise(self.summary, value)
            if len(value) > connector.capabilities.summary_limit and len(wanted) > connector.capabilities.summary_limit:
                continue
            seen = stand.read(connector, ref)
            connector.update(self._change(connector, ref, {self.summary: value}, seen))
            assert stand.read(connector, ref).value(self.summary) == wanted
            assert connector.normalise(self.summary, wanted) == wanted

    def test_an_update_whose_answer_is_lost_is_sent_once(self, stand: Stand, connector: Connector) -> None:
        ref = connector.create(stand.ticket()).ref
        seen = stand.read(connector, ref)
        stand.sandbox.clear_log()
        stand.sandbox.faults.add(Fault(kind="drop_after", writes_only=True, count=1))
        name, value = self.edit
        with pytest.raises(UnknownOutcomeError):
            connector.update(self._change(connector, ref, {name: value}, seen))
        assert len(stand.writes()) == 1
        assert stand.read(connector, ref).value(name) == connector.normalise(name, value)

    def test_the_permit_taken_ahead_is_that_of_the_request_a_write_sends(
        self, stand: Stand, connector: Connector
    ) -> None:
        def stands_on(kind: OperationKind, ref: TicketRef | None, write: Callable[[], object]) -> None:
            stand.limiter.asked.clear()
            with connector.permit(kind, ref):
                [ahead] = stand.limiter.asked
                assert stand.writes() == []
                write()
            assert ahead in stand.limiter.asked[1:]
            stand.sandbox.clear_log()

        ref = connector.create(stand.ticket()).ref
        seen = stand.read(connector, ref)
        change = self._change(connector, ref, {self.edit[0]: self.edit[1]}, seen)
        stand.sandbox.clear_log()
        stands_on(OperationKind.CREATE, None, lambda: connector.create(stand.ticket("8")))
        stands_on(OperationKind.UPDATE, ref, lambda: connector.update(change))
        stands_on(OperationKind.COMMENT, ref, lambda: connector.comment(ref, "k", stand.remark()))

    # Reading

    def test_fetch_answers_for_every_ticket_asked(self, stand: Stand, connector: Connector) -> None:
        there = [connector.create(stand.ticket(str(number))).ref for number in range(5)]
        missing = TicketRef(SITE, self.missing_id)
        found = stand.connect().fetch([*there, missing], threads=False)
        assert set(found) == {*there, missing}
        assert isinstance(found[missing], Gone)
        assert all(isinstance(found[ref], Snapshot) for ref in there)

    def test_fetch_brings_all_comments_of_many_tickets(self, stand: Stand, connector: Connector) -> None:
        refs = [connector.create(stand.ticket(str(number))).ref for number in range(5)]
        for number, ref in enumerate(refs):
            for item in range(number):
                connector.comment(ref, f"k{number}{item}", stand.remark(f"{number}-{item}"))
        found = stand.connect().fetch(refs, threads=True)
        counts = []
        for ref in refs:
            snapshot = found[ref]
            assert isinstance(snapshot, Snapshot)
            assert snapshot.thread is not None
            counts.append(len(snapshot.thread.comments))
        assert counts == [0, 1, 2, 3, 4]

    def test_the_feeds_show_everything_since_the_beginning(self, stand: Stand, connector: Connector) -> None:
        refs = {connector.create(stand.ticket(str(number))).ref for number in range(3)}
        stand.wait()
        assert refs <= set(stand.drain(stand.connect(), {}))

    def test_a_cursor_leads_on_in_another_process(self, stand: Stand, connector: Connector) -> None:
        first = connector.create(stand.ticket("1")).ref
        stand.wait(120)
        cursors: dict[str, str] = {}
        assert first in stand.drain(connector, cursors)
        second = connector.create(stand.ticket("2")).ref
        stand.connect(self.person).comment(first, "k", stand.remark())
        stand.wait(2)
        assert {first, second} <= set(stand.drain(stand.connect(), dict(cursors)))

    def test_what_is_shown_again_has_not_changed(self, stand: Stand, connector: Connector) -> None:
        ref = connector.create(stand.ticket()).ref
        stand.wait(1)
        cursors: dict[str, str] = {}
        before = stand.drain(connector, cursors)[ref]
        again = stand.drain(connector, cursors).get(ref)
        if before is not None and again is not None:
            assert again.version == before.version

    def test_a_poll_with_nothing_new_is_one_request_a_feed(self, stand: Stand, connector: Connector) -> None:
        connector.create(stand.ticket())
        stand.wait(600)
        cursors: dict[str, str] = {}
        stand.drain(connector, cursors)
        stand.drain(connector, cursors)
        stand.sandbox.clear_log()
        assert stand.drain(connector, cursors) == {}
        asked = [entry["url"] for entry in stand.sandbox.log]
        assert len(asked) <= len(connector.feeds()), asked

    def test_the_history_tells_who_changed_what(self, stand: Stand, connector: Connector) -> None:
        ref = connector.create(stand.ticket()).ref
        seen = stand.read(connector, ref)
        stand.sandbox.world.advance(2)
        name, value = self.edit
        stand.connect(self.person).update(self._change(connector, ref, {name: value}, seen))
        stand.wait(1)
        facts: list[Fact] = []
        cursor: str | None = None
        more = True
        while more:
            page = stand.connect().history(cursor, begin=stand.begin)
            facts += page.facts
            cursor, more = page.cursor, page.more
        changes = [fact for fact in facts if fact.ref == ref and fact.field == name and not fact.actor.ours]
        assert changes
        assert len({fact.event_id for fact in facts}) == len(facts)
        assert all(fact.at.utcoffset() == timedelta(0) for fact in facts)

    def test_the_past_of_one_ticket_is_told_without_any_lag(self, stand: Stand, connector: Connector) -> None:
        ref = connector.create(stand.ticket()).ref
        seen = stand.read(connector, ref)
        stand.sandbox.world.advance(2)
        name, value = self.edit
        stand.connect(self.person).update(self._change(connector, ref, {name: value}, seen))
        facts = stand.connect().past(ref)
        assert [fact.at for fact in facts] == sorted(fact.at for fact in facts)
        assert {fact.ref for fact in facts} == {ref}
        first = stand.read(connector, ref).created_at
        changed = [fact for fact in facts if fact.field == name and fact.at > first]
        assert [fact.actor.ours for fact in changed] == [False] * len(changed)
        now = stand.read(connector, ref)
        assert rewind(now.fields, facts, to=first)[name] == seen.fields[name]
        assert rewind(now.fields, facts, to=now.version.at)[name] == now.fields[name]

    def test_a_webhook_about_nothing_is_skipped(self, connector: Connector) -> None:
        for body in (b"", b"no json", b"[]", b"{}"):
            with pytest.raises(SkippableError):
                connector.parse_webhook({}, body)

    # Webhooks

    def wish(self, mark: str) -> HookWish:
        """A webhook of the bridge that bears this mark."""
        base = f"https://bridge-{mark}.vendor.example/hooks/{SITE}"
        return HookWish(f"bridge {SITE} {mark}", base, f"{base}?bridge={mark}", mark, "a secret of enough letters")

    def test_a_webhook_is_made_once_and_a_right_one_is_left_alone(self, stand: Stand) -> None:
        assert stand.connect(self.admin).keep_webhook(self.wish("one")).did == ("made",)
        stand.sandbox.clear_log()
        kept = stand.connect(self.admin).keep_webhook(self.wish("one"))
        assert kept.did == ()
        assert kept.secret
        assert stand.writes() == []

    def test_a_webhook_whose_registration_got_no_answer_is_not_doubled(self, stand: Stand) -> None:
        stand.sandbox.faults.add(Fault(kind="drop_after", writes_only=True, count=1))
        with pytest.raises(UnknownOutcomeError):
            stand.connect(self.admin).keep_webhook(self.wish("one"))
        stand.sandbox.clear_log()
        assert stand.connect(self.admin).keep_webhook(self.wish("one")).did == ()
        assert stand.writes() == []

    def test_the_webhook_of_another_bridge_is_left_alone(self, stand: Stand) -> None:
        for mark in ("one", "other"):
            assert stand.connect(self.admin).keep_webhook(self.wish(mark)).did == ("made",)
        for mark in ("one", "other"):
            assert stand.connect(self.admin).keep_webhook(self.wish(mark)).did == ()

    def test_an_account_that_may_not_register_webhooks_is_refused(self, stand: Stand) -> None:
        with pytest.raises((RefusedError, MissingError)):
            stand.connect(self.person).keep_webhook(self.wish("one"))
        assert stand.writes() == []
