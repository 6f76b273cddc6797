"""Telling automatic replies by their words."""

from __future__ import annotations

import pytest

from bridge.model.document import from_plain
from bridge.text.automatic import is_automatic_reply


@pytest.mark.parametrize(
    "words",
    [
        "Automatic reply: Printer on fire",
        "I am out of the office until Monday. In urgent cases call Bob.",
        "I'm currently out of office with limited access to mail.",
        "Thank you for your message. I am on annual leave and will answer on 9 March.",
        "Hello,\n\nI will be away from 2 March until 9 March.",
        "This is an automated response. Please do not answer it.",
        "Vielen Dank für Ihre Nachricht. Ich bin bis zum 9. März nicht im Büro.",
        "Guten Tag,\n\nich bin derzeit im Urlaub.",
        "Abwesenheitsnotiz: Drucker brennt",
        "Diese E-Mail wurde automatisch erstellt.",
        "Réponse automatique : imprimante",
        "Bonjour,\n\nJe suis actuellement absente du bureau.",
        "Respuesta automática: impresora",
        "Sono fuori ufficio fino a lunedì.",
        "Ik ben momenteel afwezig.",
        "Out of Office\n\nOn 2 Mar 2026 Bob wrote:\n> Is it fixed?",
    ],
)
def test_an_absence_note_is_known_by_how_it_begins(words: str) -> None:
    assert is_automatic_reply(from_plain(words))


@pytest.mark.parametrize(
    "words",
    [
        "Yes, please go ahead.",
        "The out of office assistant of your product crashes.",
        "I am out of ideas.",
        "I am away from the printer now and it still burns.",
        "Thanks for your message. It works now. I am on leave from tomorrow.",
        "We see: Automatic reply",
        "Is this an automated response?",
        "Ich bin im Büro.",
        "Ja.\n\nAm 2. März 2026 schrieb Bob:\n> Ich bin im Urlaub.",
        "On 2 Mar 2026 Bob wrote:\n> I am out of the office.",
        "Out of office replies are sent twice. " * 60,
        "",
    ],
)
def test_what_a_person_writes_is_not_taken_for_an_absence_note(words: str) -> None:
    assert not is_automatic_reply(from_plain(words))


def test_a_subject_tells_it_too() -> None:
    assert is_automatic_reply(from_plain("See you!"), subject="Automatische Antwort: Drucker")
    assert not is_automatic_reply(from_plain("See you!"), subject="Re: automatic reply does not work")
