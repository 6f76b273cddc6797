"""What several tickets want of one issue together."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bridge.model.words import SEVERITY, STATE, Reduce, Severity, State
from bridge.sync.reduce import DONE, Voice, reduce, stand
from bridge.sync.table import Value

severities = st.sampled_from([*Severity, None])


def value(word: object) -> Value:
    return Value(word, word)


def settled(own: object, shown: object) -> Voice:
    """A ticket at rest: its people set `own`, and it shows `shown` since we wrote that over it."""
    return Voice(now=value(shown), base=value(shown), own=value(own))


voices = st.lists(st.builds(settled, severities, severities), min_size=1, max_size=6)
rules = st.sampled_from([Reduce.HIGHEST, Reduce.LOWEST])


@given(voices, st.randoms(use_true_random=False), rules)
def test_the_order_of_the_tickets_does_not_matter(said: list[Voice], random: object, rule: Reduce) -> None:
    mixed = list(said)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert reduce(rule, SEVERITY, said) == reduce(rule, SEVERITY, mixed)


@given(st.lists(severities, min_size=2, max_size=6), st.sampled_from(list(Severity)), st.data())
def test_a_severity_raised_and_lowered_again_ends_where_it_was(
    owns: list[str | None], raised: Severity, data: st.DataObject
) -> None:
    who = data.draw(st.integers(0, len(owns) - 1))
    tickets = [settled(own, own) for own in owns]
    _, at_first = reduce(Reduce.HIGHEST, SEVERITY, tickets)

    def change(word: object) -> Value | None:
        """One ticket's people set a word; what all want is written to every ticket, as fan-out does."""
        tickets[who] = replace(tickets[who], now=value(word))
        _, wanted = reduce(Reduce.HIGHEST, SEVERITY, tickets)
        for place, ticket in enumerate(tickets):
            tickets[place] = Voice(now=wanted, base=wanted, own=ticket.said)
        return wanted

    change(raised)
    # Nobody sees a difference between our value and their own: they lower it by writing their former word again.
    after = change(owns[who])
    if at_first is not None and owns[who] != raised:
        assert after == at_first


@given(voices, rules)
def test_tickets_at_rest_want_nothing_new(said: list[Voice], rule: Reduce) -> None:
    before, now = reduce(rule, SEVERITY, said)
    assert before == now


@given(voices, st.sampled_from(list(Severity)))
def test_a_newcomer_speaks_only_now(said: list[Voice], word: Severity) -> None:
    before, _ = reduce(Reduce.HIGHEST, SEVERITY, said)
    with_newcomer, now = reduce(Reduce.HIGHEST, SEVERITY, [*said, Voice(now=value(word))])
    assert with_newcomer == before
    assert now is not None
    assert now.canonical is not None


states = st.sampled_from(list(State))
moves = st.lists(st.builds(lambda base, now: Voice(value(now), value(base), value(base)), states, states), min_size=1)


@given(moves, st.randoms(use_true_random=False))
def test_where_a_shared_state_goes_does_not_depend_on_order(said: list[Voice], random: object) -> None:
    mixed = list(said)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert stand(said) == stand(mixed)


@given(moves)
def test_an_issue_is_done_only_when_every_ticket_is(said: list[Voice]) -> None:
    wanted = stand(said)
    if wanted is not None and wanted.canonical in DONE:
        assert all(voice.now is not None and voice.now.canonical in DONE for voice in said)
    if not any(voice.changed for voice in said):
        assert wanted is None


def test_labels_of_all_tickets_are_put_together_and_empty_ones_say_nothing() -> None:
    said = [settled(("a", "b"), ("a", "b")), settled(None, None), settled(("b", "c"), ("b",))]
    assert reduce(Reduce.UNION, "labels", said)[1] == value(("a", "b", "c"))
    assert reduce(Reduce.LEAD, STATE, said)[1] is None
