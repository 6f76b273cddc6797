"""Which comments may cross to the other side, and who may read them there. No rule, no crossing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bridge.errors import Place
from bridge.mapping.source import Item, Problems
from bridge.model.words import Audience, HeldBy, Party, Side, Visibility

AUDIENCES = ("customer", *Audience)
"""The words of `audience:`. `customer` is the customer's team in a helpdesk the customer holds, else its users."""

FACTS = ("body", "author", "visibility", "channel", "auto")


@dataclass(frozen=True, slots=True)
class CommentFacts:
    """What rules may ask about a comment. `author_roles` are the names of the config's people it was written by.

    `plain` is what the author says; `whole` is that with what the message quotes, for the rules that keep it back.
    """

    body_first_line: str
    plain: str
    visibility: Visibility
    author_roles: frozenset[str] = frozenset()
    author_party: Party = Party.CUSTOMER
    author_email: str = ""
    channel: str = ""
    auto: bool = False
    whole: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """A comment may be read by `audience` on the other side, without `strip_prefix` at its start; `place` is the rule
    that says so."""

    audience: Audience
    strip_prefix: str
    place: Place


@dataclass(frozen=True, slots=True)
class CommentRule:
    """One compiled rule. Every requirement given must be met; an absent one is None. `audience` None skips."""

    audience: Audience | None
    place: Place
    prefixes: tuple[str, ...] | None = None
    contains: tuple[str, ...] | None = None
    roles: frozenset[str] | None = None
    parties: frozenset[str] | None = None
    emails: tuple[str, ...] | None = None
    visibilities: frozenset[str] | None = None
    channels: frozenset[str] | None = None
    auto: bool | None = None
    strip: bool = False

    @property
    def unconditional(self) -> bool:
        """Whether it takes every comment, so that no rule below it is ever reached."""
        return self.requirements == (None,) * len(self.requirements)

    @property
    def requirements(self) -> tuple[object, ...]:
        """What is required, for telling two rules with the same requirements."""
        return (
            self.prefixes,
            self.contains,
            self.roles,
            self.parties,
            self.emails,
            self.visibilities,
            self.channels,
            self.auto,
        )

    def takes(self, comment: CommentFacts) -> bool:
        """Whether this rule speaks of the comment."""
        email = comment.author_email.casefold()
        # What is only quoted lets nothing cross, but may keep it from crossing.
        words = (comment.whole if self.audience is None and comment.whole else comment.plain).casefold()
        return (
            (self.prefixes is None or bool(self.prefix_of(comment)))
            and (self.contains is None or any(part.casefold() in words for part in self.contains))
            and (self.roles is None or bool(self.roles & comment.author_roles))
            and (self.parties is None or comment.author_party in self.parties)
            and (self.emails is None or any(fnmatchcase(email, glob.casefold()) for glob in self.emails))
            and (self.visibilities is None or comment.visibility in self.visibilities)
            and (self.channels is None or comment.channel.casefold() in self.channels)
            and (self.auto is None or comment.auto is self.auto)
        )

    def prefix_of(self, comment: CommentFacts) -> str:
        """The prefix as the author typed it. `#reply` does not start `#replying`."""
        line = comment.body_first_line
        for prefix in self.prefixes or ():
            typed, rest = line[: len(prefix)], line[len(prefix) :]
            whole_word = not rest or not (prefix[-1].isalnum() and (rest[0].isalnum() or rest[0] == "_"))
            if typed.casefold() == prefix.casefold() and whole_word:
                return typed
        return ""

    def release(self, comment: CommentFacts) -> Release | None:
        """The release this rule grants to a comment it takes."""
        if self.audience is None:
            return None
        return Release(self.audience, self.prefix_of(comment) if self.strip else "", self.place)


def resolve_audience(word: str, helpdesk_held_by: HeldBy) -> Audience:
    """The audience a word of the YAML means in a route whose helpdesk is held by this party."""
    if word == "customer":
        return Audience.CUSTOMER_TEAM if helpdesk_held_by is HeldBy.CUSTOMER else Audience.CUSTOMER_USER
    return Audience(word)


def check_audience(audience: Audience, *, side: Side, held_by: HeldBy, place: Place, problems: Problems) -> None:
    """Note an audience that no text sent from `side` could be told to and to nobody else.

    In a helpdesk a customer holds, an internal note is read by the customer's team; in one the vendor holds, by the
    vendor. A public reply is read by the customer's users in both. Trackers are read by the vendor.
    """
    if side is Side.HELPDESK:
        if audience is not Audience.VENDOR:
            problems.add(
                f"what leaves the helpdesk is read by the vendor, so its audience cannot be `{audience}`",
                place,
                "write `audience: vendor`",
            )
    elif held_by is HeldBy.VENDOR and audience is Audience.CUSTOMER_TEAM:
        problems.add(
            "the audience `customer_team` cannot be reached in a helpdesk the vendor holds: only the customer's users "
            "read there",
            place,
            "write `audience: customer` or `audience: vendor`",
        )
    elif held_by is HeldBy.CUSTOMER and audience is Audience.VENDOR:
        problems.add(
            "the audience `vendor` cannot be reached in a helpdesk the customer holds: its team reads internal notes",
            place,
            "write `audience: customer`, or `skip: true` to keep the comment",
        )


def compile_comments(item: Item | None, *, side: Side, held_by: HeldBy, problems: Problems) -> tuple[CommentRule, ...]:
    """Read `comments: {to_other_side: […]}` of a mapping."""
    if item is None or item.value is None:
        return ()
    block = problems.keys(item, "`comments`", ("to_other_side",))
    rules: list[CommentRule] = []
    for each in problems.items(block.get("to_other_side"), "`to_other_side`"):
        rule = _rule(each, side, held_by, problems)
        if rule is None:
            continue
        above = [known for known in rules if known.unconditional or known.requirements == rule.requirements]
        if above:
            problems.add(f"this comment rule is never reached: {above[0].place} comes first", each.place)
        rules.append(rule)
    return tuple(rules)


def _rule(item: Item, side: Side, held_by: HeldBy, problems: Problems) -> CommentRule | None:
    block = problems.keys(item, "a comment rule", ("when", "otherwise", "audience", "strip", "skip"))
    if not block:
        return None
    audience = _audience(block, item, side, held_by, problems)
    strip = problems.truth(block.get("strip"), "`strip`")
    if "when" not in block:
        return CommentRule(audience, item.place, strip=strip)
    if "otherwise" in block:
        problems.add("a comment rule has either `when` or `otherwise`, not both", item.key_place("otherwise"))
    return _requirements(block["when"], audience, item.place, strip, problems)


def _audience(
    block: Mapping[str, Item], item: Item, side: Side, held_by: HeldBy, problems: Problems
) -> Audience | None:
    last = block.get("otherwise")
    if (last is not None and last.value == "skip") or problems.truth(block.get("skip"), "`skip`"):
        if "audience" in block:
            problems.add("a comment rule either skips or names an audience, not both", item.place)
        return None
    where = last if last is not None else block.get("audience")
    what, words = ("`audience`", AUDIENCES) if last is None else ("`otherwise`", ("skip", *AUDIENCES))
    word = problems.word(where, what, words)
    if where is None:
        problems.add("a comment rule must say who may read the comment", item.place, "add `audience:` or `skip: true`")
    if not word or where is None:
        return None
    audience = resolve_audience(word, held_by)
    check_audience(audience, side=side, held_by=held_by, place=where.place, problems=problems)
    return audience


def _requirements(
    when: Item, audience: Audience | None, place: Place, strip: bool, problems: Problems
) -> CommentRule | None:
    asked = problems.keys(when, "`when` of a comment rule", FACTS)
    if not asked:
        return None
    body = problems.keys(asked["body"], "`body`", ("starts_with", "contains")) if "body" in asked else {}
    author = problems.keys(asked["author"], "`author`", ("role", "party", "email")) if "author" in asked else {}
    visible = problems.texts(asked.get("visibility"), "`visibility`")
    parties = problems.texts(author.get("party"), "`party`")
    for word in visible:
        problems.word(Item(word, asked["visibility"].place), "`visibility`", tuple(Visibility)[:2])
    for word in parties:
        problems.word(Item(word, author["party"].place), "`party`", tuple(Party))
    channels = problems.texts(asked.get("channel"), "`channel`")
    return CommentRule(
        audience,
        place,
        prefixes=problems.texts(body.get("starts_with"), "`starts_with`") or None,
        contains=problems.texts(body.get("contains"), "`contains`") or None,
        roles=frozenset(problems.texts(author.get("role"), "`role`")) or None,
        parties=frozenset(parties) or None,
        emails=problems.texts(author.get("email"), "`email`") or None,
        visibilities=frozenset(visible) or None,
        channels=frozenset(channel.casefold() for channel in channels) or None,
        auto=problems.truth(asked["auto"], "`auto`") if "auto" in asked else None,
        strip=strip,
    )
