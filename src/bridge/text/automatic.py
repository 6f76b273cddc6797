"""Tells an absence note or another automatic reply by its first words, for vendors whose API shows no mail headers."""

from __future__ import annotations

import re

from bridge.model.document import Document, to_plain
from bridge.text.quoted import own_words

_SUBJECT = re.compile(
    r"(?:automatic reply|auto(?:matic)?[- ]?re(?:ply|sponse)|autoreply|out of (?:the )?office|automatische antwort"
    r"|abwesenheits(?:notiz|meldung|nachricht|assistent)|réponse automatique|absence du bureau|respuesta automática"
    r"|fuera de la oficina|risposta automatica|fuori sede|automatisch antwoord|afwezigheidsbericht|resposta automática"
    r"|autosvar|automatyczna odpowiedź|自動返信|不在通知)\b",
    re.IGNORECASE,
)
"""How the subject of such a mail, or its first line, begins."""

_SENTENCE = re.compile(
    r"(?:this is an (?:automatic|automated|auto[- ]generated) (?:reply|response|message|e-?mail)"
    r"|i(?:'m| am|’m) (?:currently |now )?(?:out of (?:the )?office"
    r"|on (?:annual |parental |sick )?(?:leave|vacation|holiday))"
    r"|i (?:will be|am) (?:away|out of (?:the )?office)\b[^.!?]*\b(?:until|till|from \d|and will)"
    r"|(?:dies ist eine automatische|diese (?:nachricht|e-?mail) wurde automatisch)"
    r"|ich bin (?:derzeit |zurzeit |momentan |aktuell |ab |vom |bis )?.{0,40}(?:nicht im büro|nicht im haus|außer haus"
    r"|im urlaub|abwesend|nicht erreichbar)"
    r"|(?:ceci est (?:une réponse|un message) automatique|je suis (?:actuellement )?(?:absente?|en congé))"
    r"|(?:este es un mensaje automático|(?:actualmente )?estoy fuera de la oficina)"
    r"|(?:questo è un messaggio automatico|sono (?:attualmente )?(?:fuori ufficio|assente))"
    r"|(?:dit is een automatisch|ik ben (?:momenteel )?(?:afwezig|niet op kantoor)))",
    re.IGNORECASE,
)
"""How the first sentence of such a note reads."""

_OPENING = re.compile(
    r"(?:(?:thank you|thanks|many thanks) for (?:your|the) (?:e-?mail|message|mail)[^.!]{0,60}[.!]"
    r"|(?:vielen dank|danke) für ihre (?:e-?mail|nachricht|anfrage)[^.!]{0,60}[.!]"
    r"|merci (?:de|pour) votre (?:e-?mail|message|courriel)[^.!]{0,60}[.!]|gracias por su (?:mensaje|correo)[^.!]{0,60}[.!]"
    r"|(?:hello|hi|hallo|dear|guten tag|sehr geehrte|bonjour|hola|buongiorno|beste)\b[^.!?,]{0,60}[,.!])\s*",
    re.IGNORECASE,
)
"""A greeting or thanks that may stand before it."""

_LONGEST_NOTE = 1_500
_LOOKED_AT = 500


def is_automatic_reply(document: Document, *, subject: str = "") -> bool:
    """Whether a mail reads like one that nobody wrote by hand.

    Judged narrowly: by how the subject begins, or how the first sentence of a short message does, behind a greeting.
    Who is told wrongly to be a machine is still heard, marked as automatic.
    """
    if _SUBJECT.match(" ".join(subject.split())[:_LOOKED_AT]):
        return True
    words = " ".join(to_plain(own_words(document)).split())
    if len(words) > _LONGEST_NOTE:
        return False
    words = words[:_LOOKED_AT]
    for _ in range(3):
        if _SUBJECT.match(words) or _SENTENCE.match(words):
            return True
        opening = _OPENING.match(words)
        if opening is None:
            break
        words = words[opening.end() :]
    return False
