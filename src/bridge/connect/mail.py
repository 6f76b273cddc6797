"""E-mail, by the standard library rather than by the mailer of apprise: that one invents a Message-ID of its own, and a
mail that is sent a second time must bear the first one's. It also says at which step of SMTP a sending failed."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from ipaddress import ip_address
from typing import ClassVar
from urllib.parse import SplitResult, unquote, urlsplit

from bridge.connect.channel import ChannelError, Message, has_control
from bridge.model.ports import Clock

PORTS = {"smtp": 587, "smtps": 465}
TIMEOUT_S = 30.0
"""How long a server may be silent."""
_PLAIN = policy.SMTP.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Relay:
    """The server that takes mail. `smtps` speaks TLS from the start; `smtp` wherever the server offers it."""

    host: str
    port: int
    tls: bool
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def is_near(self) -> bool:
        """Whether nobody can listen on the way there."""
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_relay(url: str) -> Relay:
    """The server that `smtp://user:password@host:port` names. Raises ValueError with a sentence that holds no secret."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or has_control(url):
        raise ValueError("must be an address such as `smtps://user:password@mail.vendor.example`")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("ends with the port: write `/`, `?`, `#` and `@` in a password as %2F, %3F, %23 and %40")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Relay(parts.hostname, _port(parts), parts.scheme == "smtps", user, password)


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or PORTS[parts.scheme]
    except ValueError:
        raise ValueError("has no number from 1 to 65535 as its port") from None


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Mail to one address."""

    relay: Relay
    sender: str
    address: str
    clock: Clock
    folds: ClassVar[bool] = True

    def send(self, message: Message) -> None:
        """Send one mail. Raises ChannelError; it is certain that nothing was taken until the text is on its way."""
        try:
            data = self._written(message)
            with self._connect() as client:
                self._introduce(client)
                client.mail(self.sender)
                _expect(*client.rcpt(self.address), step="the address")
                self._hand_over(client, data)
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code, "the login") from None
        except smtplib.SMTPException as error:
            raise ChannelError(f"the mail server broke off ({type(error).__name__})") from None
        except ValueError as error:
            # An address beyond ASCII, say, at a server that does not take such.
            raise ChannelError(f"the mail cannot be written ({type(error).__name__})", lasting=True) from None
        except OSError as error:
            raise ChannelError(f"the mail server could not be reached ({type(error).__name__})") from None

    def _written(self, message: Message) -> bytes:
        mail = EmailMessage(policy=_PLAIN)
        domain = self.sender.rpartition("@")[2]
        mail["From"], mail["To"], mail["Subject"] = self.sender, self.address, " ".join(message.title.split())
        mail["Date"] = format_datetime(self.clock.now())
        mail["Message-ID"] = f"<{message.key}@{domain}>"
        # No machine answers this, and no out-of-office reply comes back.
        mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"] = "auto-generated", "All"
        mail.set_content(message.body)
        return mail.as_bytes()

    def _connect(self) -> smtplib.SMTP:
        name = self.sender.rpartition("@")[2]
        if not self.relay.tls:
            return smtplib.SMTP(self.relay.host, self.relay.port, local_hostname=name, timeout=TIMEOUT_S)
        trusted = ssl.create_default_context()
        return smtplib.SMTP_SSL(
            self.relay.host, self.relay.port, local_hostname=name, timeout=TIMEOUT_S, context=trusted
        )

    def _introduce(self, client: smtplib.SMTP) -> None:
        client.ehlo_or_helo_if_needed()
        is_safe = self.relay.tls or self.relay.is_near
        if not self.relay.tls and client.has_extn("starttls"):
            client.starttls(context=ssl.create_default_context())
            client.ehlo()
            is_safe = True
        if not self.relay.user:
            return
        if not is_safe:
            raise ChannelError("the mail server offers no TLS, and a password is not sent without", lasting=True)
        client.login(self.relay.user, self.relay.password)

    def _hand_over(self, client: smtplib.SMTP, data: bytes) -> None:
        """The text itself: from here on a broken connection leaves open whether it was taken."""
        try:
            answer = client.data(data)
        except smtplib.SMTPDataError as error:
            raise _refused(error.smtp_code, "the mail") from None
        except (smtplib.SMTPException, OSError) as error:
            reason = f"the mail server broke off while it took the mail ({type(error).__name__})"
            raise ChannelError(reason, certain=False) from None
        _expect(*answer, step="the mail")
        client.close()


def _expect(code: int, _said: bytes, *, step: str) -> None:
    if code not in (250, 251, 252):
        raise _refused(code, step)


def _refused(code: int, step: str) -> ChannelError:
    # What the server says beside the code may name addresses: it is left out.
    return ChannelError(f"the mail server refused {step} (SMTP {code})", lasting=code >= 500)
