"""Whether a text says thanks and nothing else. PURE.

Helpdesks reopen a solved ticket when its user answers, whatever the answer says. A wrong yes would leave a customer
unheard, so only texts made of known words of thanks, greeting and confirmation count, and none that asks anything.
"""

from __future__ import annotations

import re

_THANKS = frozenset(
    ["thanks", "thank", "thx", "cheers", "danke", "dank", "dankeschön", "merci", "gracias", "grazie", "bedankt"]
)
_WORDS = (
    "you u very much so a lot many again all for your the help support quick fast great perfect super excellent good "
    "nice hi hello dear team regards best kind and it works now fixed solved fine everything is that ok okay yes "
    "vielen vielmals herzlichen besten sehr für die ihre eure deine schnelle hilfe hallo liebe grüße gruß grüsse "
    "freundliche freundlichen mit viele und es funktioniert jetzt alles wieder gut prima toll passt klasse ja "
    "beaucoup bien pour votre aide bonjour cordialement"
)
_POLITE = frozenset(_WORDS.split())
_LONGEST = 25
"""Words: whoever writes more has something to say."""


def is_thanks(words: str) -> bool:
    """Whether a plain text only thanks."""
    found = re.findall(r"[^\W\d_]+", words.casefold())
    is_short = 0 < len(found) <= _LONGEST and "?" not in words and not re.search(r"\d", words)
    return is_short and any(word in _THANKS for word in found) and all(word in _THANKS | _POLITE for word in found)
