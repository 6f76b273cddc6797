"""Mere thanks are told from texts that say something."""

from __future__ import annotations

import pytest

from bridge.text.thanks import is_thanks


@pytest.mark.parametrize(
    "words",
    [
        "Thanks!",
        "Thank you very much, it works now.",
        "Perfect, thanks a lot for the quick help!\n\nBest regards",
        "Vielen Dank für die schnelle Hilfe, funktioniert wieder. Danke!",
        "Merci beaucoup pour votre aide",
    ],
)
def test_thanks_are_thanks(words: str) -> None:
    assert is_thanks(words)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "It works now.",
        "Thanks, but it does not work.",
        "Thank you. When will it be released?",
        "Thanks, error 500 again",
        "Thanks, it works now for all but the second page",
        "Thanks " * 40,
    ],
)
def test_anything_more_than_thanks_is_heard(words: str) -> None:
    assert not is_thanks(words)
