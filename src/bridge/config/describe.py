"""The config explained back in sentences, so that an admin reads what it will do before it does it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta

from bridge.config.channels import telling_sentences
from bridge.config.durations import show_duration
from bridge.config.routes import RoutePlan, SidePlan, compile_routes
from bridge.config.shape import Config
from bridge.errors import Place
from bridge.mapping.comments import CommentRule
from bridge.mapping.condition import Condition, Test
from bridge.mapping.opening import Opening, Words
from bridge.mapping.people import PersonLens
from bridge.mapping.table import TableLens
from bridge.mapping.updates import Command, FieldFilled, UpdateRule
from bridge.model.policy import FieldPolicy
from bridge.model.words import Direction, Drift, Mode, OnConflict, Party
from bridge.sla import examples

MODES = {
    Mode.OBSERVE: "observes only: nothing is written anywhere",
    Mode.INTERNAL: "is internal: no text reaches the customer",
    Mode.LIVE: "is live",
}

AUDIENCES = {
    "customer_user": "the customer's users",
    "customer_team": "the customer's own team, as an internal note",
    "vendor": "the vendor",
}
VERBS = {"any": "", "none": "not ", "starts_with": "beginning with "}
TOLD = {"cause": "the cause", "workaround": "a workaround", "delivered": "of the delivery"}


def worked_examples(config: Config, *, may_be_public: Collection[str] = ()) -> list[str]:
    """One list of sentences for all routes: what becomes what, who decides, and what may be read by whom.

    `may_be_public` are the connectors of products that may publish tickets to everybody.
    """
    sentences: list[str] = []
    for plan in compile_routes(config):
        sentences += [f"{plan.name}: {sentence}." for sentence in _sentences(plan)]
        sentences += [f"{plan.name}: {sentence}." for sentence in telling_sentences(config, plan)]
        if config.sites[plan.tracker.site].connector in may_be_public:
            sentences.append(f"{plan.name}: {_publicity(plan)}.")
    return sentences


def _publicity(plan: RoutePlan) -> str:
    where = ", ".join(plan.tracker.scope.values())
    if plan.allow_public:
        return f"anybody may read what reaches {where} (`allow_public: true`)"
    return (
        f"{where} has to be private: bridge asks at the start and every five minutes, and stops if anybody can read it"
    )


def _sentences(plan: RoutePlan) -> Iterator[str]:
    opens = f" with {_condition(plan.helpdesk.open_when)}" if plan.helpdesk.open_when else ""
    kind = plan.tracker.scope.get("type", "issue")
    where = plan.tracker.scope.get("project") or plan.tracker.scope.get("repository") or ""
    inside = f" in {where}" if where else ""
    yield f"a ticket of {plan.helpdesk.site}{opens} becomes {_article(kind)}{inside} on {plan.tracker.site}"
    if plan.tracker.opening is not None:
        yield _opening(plan, plan.tracker.opening)
    yield f"the route {MODES[plan.mode]}"
    for name, policy in plan.policies.items():
        yield _policy(name, policy)
        yield from _table(name, plan)
    for side in (plan.tracker, plan.helpdesk):
        yield from _comments(side, plan)
    for rule in plan.tracker.mapping.updates:
        yield _update(rule, show_duration(timedelta(seconds=plan.undo_s)))
    for terms in plan.contract.versions if plan.contract else ():
        for sentence in (
            *examples.worked_examples(terms),
            *examples.calendar_sentences(terms.contract),
            *terms.remarks,
        ):
            yield f"contract, version {terms.contract.version}: {sentence}"
    for side in (plan.helpdesk, plan.tracker):
        for condition in side.mapping.deny:
            yield f"a ticket of {side.site} with {_condition(condition)} stays there ({_at(condition.place)})"


def _opening(plan: RoutePlan, opening: Opening) -> str:
    """Which issues begin a case, and all that their tickets say."""
    said = message_words(opening)
    title = "its first line as the title" if opening.title is None else f"the title {_source(opening.title)}"
    readers = AUDIENCES[opening.audience]
    fields = "".join(f", {name} {_values(value)}" for name, value in opening.fields.items())
    also = f", with{fields[1:]}" if fields else ""
    wait = f" after {show_duration(timedelta(seconds=plan.undo_s))}" if plan.undo_s else ""
    return (
        f"an issue of {plan.tracker.site} with {_condition(plan.tracker.open_when)} begins a case: a ticket is made at "
        f"{plan.helpdesk.site}{wait} for {_source(opening.requester)}{also}; it says {said} to {readers}, under {title} "
        f"({_at(opening.place)})"
    )


def message_words(opening: Opening) -> str:
    """Where the first message of a ticket comes from."""
    message = opening.message
    return _source(message) if isinstance(message, Words) else f"what follows in a comment{rule_words(message)}"


def _source(words: Words) -> str:
    return words.text or f"what stands in `{words.field}`"


def _values(value: object) -> str:
    return " and ".join(map(str, value)) if isinstance(value, list) else str(value)


def _table(name: str, plan: RoutePlan) -> Iterator[str]:
    there, here = plan.helpdesk.mapping.lenses[name], plan.tracker.mapping.lenses[name]
    if isinstance(there, PersonLens) and isinstance(here, PersonLens):
        known = [f"{key} is `{there.people[key][0]}` there and `{names[0]}` here"
                 for key, names in here.people.items() if key in there.people]  # fmt: skip
        yield f"{name}: " + ("; ".join(known) or "nobody has an account on both sides, so nothing is written")
        yield f"{name}: whoever is not among them is left as they are, and nothing is written in their place"
    if not (isinstance(there, TableLens) and isinstance(here, TableLens)):
        return
    values = []
    for value in dict.fromkeys((*there.pairs, *here.pairs)):
        one, other = there.form_of(value), here.form_of(value)
        if one and other:
            values.append(f"{value} is `{one.short}` there and `{other.short}` here")
    yield f"{name}: " + "; ".join(values)
    for lens, site in ((there, plan.helpdesk.site), (here, plan.tracker.site)):
        folds = [f"{value} as {lens.fold(value)}" for value in lens.folds]
        if folds:
            yield f"{site} has no {name} of its own for some values and shows {', '.join(folds)}"


def _policy(name: str, policy: FieldPolicy) -> str:
    if policy.direction is Direction.CASE:
        return f"{name}: the support case alone decides"
    if policy.direction is Direction.BOTH:
        words = {
            OnConflict.HELPDESK: "the helpdesk's stands",
            OnConflict.TRACKER: "the tracker's stands",
            OnConflict.NEWEST: f"the newest stands, and in a tie {_tie(policy.tie)}",
            OnConflict.HOLD: "a person decides",
        }
        return f"{name}: both sides decide; when both changed it, {words[policy.on_conflict]}"
    owner, other = ("helpdesk", "tracker") if policy.direction is Direction.TO_TRACKER else ("tracker", "helpdesk")
    drift = "is left alone" if policy.drift is Drift.KEEP else "is put back"
    return f"{name}: the {owner} decides, and an edit in the {other} {drift}"


def _tie(word: OnConflict) -> str:
    return "a person decides" if word is OnConflict.HOLD else f"the {word}'s"


def _comments(side: SidePlan, plan: RoutePlan) -> Iterator[str]:
    other = plan.side(side.side.other).site
    rules = side.mapping.comment_rules
    for rule in rules:
        if rule.audience is not None:
            yield f"a comment on {side.site}{rule_words(rule)} goes to {other}, for {_audience(rule)} ({_at(rule.place)})"
    if not any(rule.unconditional and rule.audience is not None for rule in rules):
        yield f"every other comment on {side.site} stays there"


def rule_words(rule: CommentRule) -> str:
    """Which comments a rule speaks of, as the end of a phrase; "" for all of them."""
    parts = []
    if rule.prefixes:
        parts.append("that begins with " + " or ".join(rule.prefixes))
    if rule.contains:
        parts.append("that contains " + " or ".join(rule.contains))
    if rule.visibilities:
        parts.append("that is " + " or ".join(sorted(rule.visibilities)))
    if rule.auto is not None:
        parts.append("written by a machine" if rule.auto else "written by a person")
    if rule.channels:
        parts.append("that came by " + " or ".join(sorted(rule.channels)))
    names = [*sorted(rule.roles or ()), *(f"the {Party(party).value}" for party in sorted(rule.parties or ()))]
    names += rule.emails or ()
    if names:
        parts.append("by " + " or ".join(names))
    return " " + ", ".join(parts) if parts else ""


def _audience(rule: CommentRule) -> str:
    return AUDIENCES[str(rule.audience)]


def _update(rule: UpdateRule, undo: str) -> str:
    held = f" once {rule.release_by} released it" if rule.release_by else f" after {undo}, unless it is taken back"
    return f"when {trigger_words(rule)}, the customer is told {TOLD[rule.kind]}{held} ({_at(rule.place)})"


def trigger_words(rule: UpdateRule) -> str:
    """What gives rise to an update."""
    events = []
    for trigger in rule.triggers:
        if isinstance(trigger, Command):
            events.append(f"a comment begins with {trigger.word}")
        elif isinstance(trigger, FieldFilled):
            events.append(f"`{trigger.native}` is filled in")
        else:
            events.append(f"a version in `{trigger.native}` is released")
    return " or ".join(events)


def _condition(condition: Condition | None) -> str:
    alternatives = (
        [" and ".join(_test(test) for test in tests) for tests in condition.alternatives] if condition else []
    )
    return ", or ".join(alternatives)


def _test(test: Test) -> str:
    values = " or ".join(str(value) for value in test.values)
    if test.kind == "empty":
        return f"{'no' if test.values[0] else 'any'} {test.field}"
    return f"{test.field} {VERBS[test.kind]}{values}"


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def _at(place: Place) -> str:
    return f"{place.file}:{place.line}" if place.line else place.file
