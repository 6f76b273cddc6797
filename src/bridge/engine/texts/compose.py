"""The words bridge itself adds to texts: who wrote a comment, where a ticket comes from."""

from __future__ import annotations

from bridge.engine.texts.shown_files import by_name
from bridge.model.document import Document, doc, node, paragraph, text, to_plain
from bridge.model.ticket import Comment, Snapshot
from bridge.model.words import Side

FOOTER = "Helpdesk ticket "
"""How the line begins that bridge puts under a new issue's description, behind a rule."""


LEFT_OUT = "Quoted mail and signature left out; they stand in the helpdesk."

LONGEST = 300_000
"""Characters of a message that is mirrored, in as many parts as the other side needs."""


def new_issue_body(description: Document, source: Snapshot, *, follows: str = "") -> Document:
    """The description with the line that says whose ticket it is and where. `follows`: the key of an earlier issue."""
    sender = source.sender.name or source.sender.email or "the customer"
    description = by_name(description, source.attachments, site=source.ref.site)
    link = node("link", text(source.key), url=source.url) if source.url else text(source.key)
    line = paragraph(text(FOOTER), link, text(f" by {sender}" + (f", follows {follows}" if follows else "")))
    return doc(*description.children, node("rule"), line)


def first_files_body(source: Snapshot) -> Document:
    """What stands above the files of a ticket's first message."""
    sender = source.sender.name or source.sender.email or "the customer"
    return doc(paragraph(text(f"Files that {sender} sent with {source.key}.")))


def without_footer(description: Document) -> Document:
    """The description without the line `new_issue_body` put under it."""
    blocks = description.children
    if len(blocks) >= 2 and blocks[-2].kind == "rule" and blocks[-1].kind == "paragraph":
        first = blocks[-1].children[:1]
        if first and first[0].text.startswith(FOOTER.strip()):
            return doc(*blocks[:-2])
    return description


def fitting(body: Document) -> Document:
    """The text, or where it is longer than anybody reads a line that says so: cutting and sending it would take the site
    hundreds of requests, and everybody else's time."""
    length = len(to_plain(body))
    if length <= LONGEST:
        return body
    return doc(
        paragraph(
            text(f"(A message of {length:,} characters is too long to be mirrored; it stands where it was written.)")
        )
    )


def mirrored_body(
    comment: Comment,
    body: Document,
    *,
    source: Snapshot,
    target: Side,
    is_folded: bool = False,
    is_late: bool = False,
    whose: str = "",
) -> Document:
    """A comment as it stands on the other side. Towards the tracker it says who wrote it, that a machine did, and
    whether quoted mail was left out (`is_folded`); on an issue of several tickets, `whose` it is. Towards the helpdesk
    it is the bare text, for the account's own name already stands above it. Its files are told of when they were carried
    over (`shown_files`). One that crosses late says when it was written."""
    at = f"{comment.created_at:%Y-%m-%d %H:%M} UTC" if is_late else ""
    if target is Side.HELPDESK:
        return doc(paragraph(node("emphasis", text(at))), *body.children) if at else body
    who = comment.author.name or comment.author.email or "Somebody"
    role = "their staff" if comment.author.staff else "the customer"
    what = "sent an automatic message in" if comment.auto else "wrote in"
    when = f" on {at}" if at else ""
    head = paragraph(node("strong", text(who)), text(f" ({role}) {what} {_named(source, whose)}{when}:"))
    lines = [LEFT_OUT] if is_folded else []
    return doc(head, *body.children, *(paragraph(node("emphasis", text(line))) for line in lines))


SHARES = "One more ticket shares this issue: "
MOVED = "This case goes on in another ticket: "
LINKED = "This issue was linked with a ticket: "


def joined_body(why: str, summary: str, description: Document, *, source: Snapshot, whose: str) -> Document:
    """What an issue is told of a ticket that joined it: whose it is, and what it says."""
    sender = source.sender.name or source.sender.email or "the customer"
    link = node("link", text(_named(source, whose)), url=source.url) if source.url else text(_named(source, whose))
    title = [paragraph(node("strong", text(summary)))] if summary else []
    head = paragraph(node("strong", text(why)), link, text(f" by {sender}."))
    return doc(head, *title, *description.children)


def _named(source: Snapshot, whose: str) -> str:
    return f"{whose} {source.key}" if whose else source.key
