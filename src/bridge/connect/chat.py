"""Chat, pager and whatever else `apprise` speaks to. The only place that knows it.

apprise says whether a message was taken, and no more. Its log says why, with addresses and tokens in it: what is needed is
read from there, and not a line of it goes further.
"""

from __future__ import annotations

import logging
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bridge.connect.channel import ChannelError, Message

if TYPE_CHECKING:
    from apprise import AppriseAsset, NotifyBase

_ANSWERED = re.compile(r"error=([0-9]{3})")
_UNREACHED = re.compile(r"NewConnectionError|NameResolutionError|ConnectTimeout|SSLError|Connection refused")


@dataclass(frozen=True, slots=True)
class Chat:
    """One apprise URL. What came of a message is known only if the other end said so."""

    url: str
    folds: ClassVar[bool] = False

    def __repr__(self) -> str:
        return "Chat(…)"

    def send(self, message: Message) -> None:
        """Send one message. Raises ChannelError: certain if the other end refused, or could not be reached."""
        from apprise import Apprise, NotifyFormat, NotifyType

        service = _service(self.url)
        if service is None:
            raise ChannelError("the address is not one that apprise knows", lasting=True)
        log: list[str] = []
        speaker = Apprise()
        speaker.add(service)
        taken = speaker.notify(
            body=message.body,
            title=message.title,
            notify_type=NotifyType.WARNING,
            body_format=NotifyFormat.TEXT,
            log_callback=lambda entry, _service: log.append(str(entry.message)),
            log_level=logging.DEBUG,
        )
        if not taken:
            raise _why("\n".join(log))


def _why(log: str) -> ChannelError:
    if answered := _ANSWERED.search(log):
        code = int(answered[1])
        return ChannelError(f"refused with {code}", lasting=400 <= code < 500 and code not in (408, 429))
    if _UNREACHED.search(log):
        return ChannelError("could not be reached")
    return ChannelError("no answer told whether it arrived", certain=False)


def service_of(url: str) -> str | None:
    """What people call the service of an apprise URL (`Slack`), None if it is none."""
    service = _service(url)
    return None if service is None else str(service.service_name)


def schemes() -> frozenset[str]:
    """How apprise URLs begin."""
    from apprise import Apprise

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        known = Apprise().details()["schemas"]
    return frozenset(
        str(scheme) for one in known for scheme in (*(one["protocols"] or ()), *(one["secure_protocols"] or ()))
    )


def _service(url: str) -> NotifyBase | None:
    # Loaded where it is needed: it knows more than a hundred services, and most commands speak to none.
    from apprise import Apprise

    # Everything is written to this logger, so that reasons can be read off it; nothing of it goes on from there.
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # what its plugins import when they are first loaded
        return Apprise.instantiate(url, asset=_asset())


def _asset() -> AppriseAsset:
    from apprise import AppriseAsset

    # Nothing is kept on disk, nothing is followed to another address, and nobody is told what sent it but by our name.
    return AppriseAsset(
        app_id="bridge", app_desc="bridge", app_url="", storage_mode="memory", http_redirects=False, secure_logging=True
    )
