"""What the config may say. Every model is frozen and takes no unknown keys; secrets are resolved and hidden."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    StrictBool,
    StrictInt,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from bridge.config.durations import Duration
from bridge.config.sizes import Size
from bridge.mapping.source import Item
from bridge.model.brake import BrakeLimits, Threshold
from bridge.model.words import Drift, FollowUp, HeldBy, Mode, OnConflict, Reduce

if TYPE_CHECKING:
    from bridge.config.routes import RoutePlan

EVERY = "*"
"""The key under which a word that stands for all fields (`on_conflict: newest`) is kept."""

Owner = Literal["helpdesk", "tracker", "both", "case"]
Tie = Literal["helpdesk", "tracker", "hold"]
ContentHost = Annotated[str, Field(pattern=r"^(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$")]
"""A host's name, or `*.name` for every host below one."""
Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]
Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
"""An e-mail address."""


def _listed(value: Any) -> Any:
    return () if value is None else (value,) if isinstance(value, str | SecretStr) else value


def _for_every_field(value: Any) -> Any:
    return {EVERY: value} if isinstance(value, str) else value


OneOrMore = Annotated[
    tuple[str, ...],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SiteLimits(_Part):
    """How patient bridge is with a site. `deadline`: total time of a request; `processing`: how long the site may still
    carry out what it did not answer; `index_lag`: how far its search may be behind; `requests_per_minute`: our share of
    its limit, None for what the site itself says; `documented`: keep the rates the vendor documents from the start,
    before the site says anything (a site of one's own may have none); `attachment`: the largest file that is put there,
    None for what the site itself takes, 0 for none."""

    deadline: Duration = timedelta(seconds=30)
    processing: Duration = timedelta(seconds=10)
    index_lag: Duration = timedelta(minutes=10)
    requests_per_minute: Annotated[StrictInt, Field(gt=0)] | None = None
    documented: StrictBool = True
    attachment: Size | None = None


class WebhookConfig(_Part):
    """How the site's webhook deliveries are known to be genuine: the secret they are signed with; for a product that
    signs nothing, a long random word that stands in the address they are sent to. With `register` bridge registers its
    webhook itself and keeps it right; a `secret` is then only needed to choose one's own."""

    secret: SecretStr | None = None
    register_: Annotated[StrictBool, Field(alias="register")] = False

    @model_validator(mode="after")
    def _knows_a_secret(self) -> Self:
        if self.secret is None and not self.register_:
            raise ValueError("needs a `secret`, or `register: true`, with which bridge makes one itself")
        return self


class ListenConfig(_Part):
    """Where webhooks come in. `port` 0 takes any free one."""

    host: str = "127.0.0.1"
    port: Annotated[StrictInt, Field(ge=0, le=65535)] = 8800


class SiteConfig(_Part):
    """One account at a product. `login` holds what its connector asks for; secrets in it are hidden from printing.
    `budget` is how long it may go unread before bridge is no longer ready. `content_hosts` are further hosts of the vendor
    where the site's files may be fetched, without a login."""

    connector: str
    url: str
    held_by: HeldBy
    login: dict[str, Any]
    limits: SiteLimits = SiteLimits()
    poll: Duration = timedelta(seconds=15)
    budget: Duration = timedelta(minutes=5)
    webhook: WebhookConfig | None = None
    content_hosts: tuple[ContentHost, ...] = ()

    @field_validator("url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")) or len(value.split("/")[2]) == 0:
            raise ValueError(
                "must be an address that begins with `https://`, or `env:` and the variable that holds one"
            )
        return value.rstrip("/")

    def login_values(self) -> dict[str, Any]:
        """The login as the connector needs it, secrets in the clear. Never print it."""
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in self.login.items()
        }


class Person(_Part):
    """Somebody rules and contracts speak of. The key they stand under is their role; `roles` adds more. `accounts` are
    their logins or ids by site, for products that hide e-mail addresses. `notify` are apprise URLs over which they are
    told of promises, beside their `email`; while they are `away`, their `deputy` is told instead."""

    name: str
    email: Address | None = None
    notify: Annotated[tuple[SecretStr, ...], BeforeValidator(_listed)] = ()
    away: StrictBool = False
    deputy: str | None = None
    accounts: dict[str, str] = {}
    roles: tuple[str, ...] = ()


class SideConfig(_Part):
    """One end of a route. Keys other than these are the scope, in the connector's words (`project`, `repository`).

    `new_ticket` stands on the tracker's side only: what the ticket says that an issue begins.
    """

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    site: str
    mapping: str
    open_when: Any = None
    new_ticket: Any = None

    @property
    def scope(self) -> dict[str, str]:
        """Which part of the site the route is about."""
        return {key: str(value) for key, value in (self.model_extra or {}).items()}


class HelpdeskConfig(SideConfig):
    """The helpdesk's end. `issue_key_field` and `issue_url_field` are the titles of ticket fields that show which issue
    a ticket has, and where it is."""

    issue_key_field: Annotated[str, Field(min_length=1)] | None = None
    issue_url_field: Annotated[str, Field(min_length=1)] | None = None


class TrackerConfig(SideConfig):
    """The tracker's end. `link_back`: an issue bears a link to its tickets, and how the mirroring stands, where the
    product has links apart from texts."""

    link_back: StrictBool = True


class BeginConfig(_Part):
    """Where a new route starts. `link`: `new` takes tickets opened after it began, `open` also those open at that time,
    `all` closed ones too; `from`: nothing older; `clocks` and `updates` start `at_live`, or with the history."""

    link: Literal["open", "all", "new"] = "open"
    from_: Annotated[date | None, Field(alias="from")] = None
    clocks: Literal["at_live", "with_history"] = "at_live"
    updates: Literal["at_live", "with_history"] = "at_live"


class ThresholdConfig(_Part):
    """How often something may happen within a while; the next time closes the brake."""

    after: Annotated[StrictInt, Field(gt=0)]
    within: Annotated[Duration, Field(gt=timedelta(0))]

    def threshold(self) -> Threshold:
        """The same for the engine."""
        return Threshold(self.after, self.within)


class BrakesConfig(_Part):
    """When a route's brakes close. `oscillation`: one field of one case is set to the same value; `mail_loop`: texts to
    the customer of one case; `mass_change`: cases of the route that are changed; `mass_delete`: tickets that vanish."""

    oscillation: ThresholdConfig = ThresholdConfig(after=5, within=timedelta(hours=1))
    mail_loop: ThresholdConfig = ThresholdConfig(after=20, within=timedelta(hours=1))
    mass_change: ThresholdConfig = ThresholdConfig(after=200, within=timedelta(minutes=10))
    mass_delete: ThresholdConfig = ThresholdConfig(after=20, within=timedelta(minutes=10))

    def limits(self) -> BrakeLimits:
        """The same for the engine."""
        return BrakeLimits(
            oscillation=self.oscillation.threshold(),
            mail_loop=self.mail_loop.threshold(),
            mass_change=self.mass_change.threshold(),
            mass_delete=self.mass_delete.threshold(),
        )


class SharedConfig(_Part):
    """What holds when several tickets of the route share an issue. `reduce`: how their values of a field become the
    issue's; `fan_out`: two-way fields that are written back to all of them; `reply_all`: `#reply all` is allowed."""

    reduce: dict[str, Reduce] = {}
    fan_out: tuple[str, ...] = ()
    reply_all: StrictBool = False


class RouteConfig(_Part):
    """One customer's pair of sides.

    `register: after_review` (a lead accepts a ticket before it becomes an issue) is understood and not acted upon yet:
    every ticket is registered at once. `contract` names the file of a contract, or those of its versions. `undo` is
    how long an update waits, so that deleting its command cancels it.
    """

    contract: OneOrMore = ()
    helpdesk: HelpdeskConfig
    tracker: TrackerConfig
    mode: Mode = Mode.OBSERVE
    begin: BeginConfig = BeginConfig()
    register_: Annotated[Literal["at_once", "after_review"], Field(alias="register")] = "at_once"
    owner: dict[str, Owner] = {}
    on_conflict: Annotated[dict[str, OnConflict], BeforeValidator(_for_every_field)] = {}
    tie: Annotated[dict[str, Tie], BeforeValidator(_for_every_field)] = {}
    drift: Annotated[dict[str, Drift], BeforeValidator(_for_every_field)] = {}
    undo: Duration = timedelta(minutes=2)
    brakes: BrakesConfig = BrakesConfig()
    allow_public: StrictBool = False
    shared: SharedConfig = SharedConfig()
    follow_up: Annotated[FollowUp, Field(strict=False)] = FollowUp.REOPEN
    language: Language | None = None


class MailConfig(_Part):
    """How mail leaves. `smtp` is an address such as `smtps://user:password@host`, usually `env:NAME`."""

    send_from: Address
    smtp: SecretStr | None = None


class StoreConfig(_Part):
    """Where the ledger is. `url` names a PostgreSQL server; without it, SQLite in `directory`."""

    url: SecretStr | None = None
    directory: Path = Path("data")


def _read_time(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        raise ValueError("must be a time of day such as `02:00` (UTC)")
    return time.fromisoformat(value)


class SweepConfig(_Part):
    """When everything is compared, whatever feeds and webhooks said: first at `at` (UTC), then every `every`. `pace` is
    the pause between two requests to a site."""

    every: Annotated[Duration, Field(gt=timedelta())] = timedelta(days=1)
    at: Annotated[time, BeforeValidator(_read_time)] = time(2, 0)
    pace: Duration = timedelta(seconds=15)


class HeartbeatConfig(_Part):
    """An address that is asked for `every` so often while work goes on; whoever stands behind it alarms when that ends."""

    url: SecretStr
    every: Annotated[Duration, Field(ge=timedelta(seconds=1))] = timedelta(minutes=1)

    @field_validator("url")
    @classmethod
    def _is_address(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("https://", "http://")):
            raise ValueError("must be an address that begins with `https://`, usually `env:` and a variable's name")
        return value


class EngineConfig(_Part):
    """How many worker threads a process runs."""

    workers: Annotated[StrictInt, Field(ge=1, le=64)] = 4


class Config(_Part):
    """The whole config, as loaded. `digest` names this version of it: it changes when any of its files does."""

    public_url: Annotated[str, Field(pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$")] | None = None
    language: Language = "en"
    sites: Annotated[dict[str, SiteConfig], Field(min_length=1)]
    people: dict[str, Person] = {}
    routes: dict[str, RouteConfig] = {}
    mail: MailConfig | None = None
    store: StoreConfig = StoreConfig()
    engine: EngineConfig = EngineConfig()
    sweep: SweepConfig = SweepConfig()
    heartbeat: HeartbeatConfig | None = None
    listen: ListenConfig | None = None

    _path: Path = PrivateAttr(default=Path("config.yaml"))
    _source: Item = PrivateAttr(default_factory=lambda: Item.of({}))
    _routes_compiled: tuple[RoutePlan, ...] = PrivateAttr(default=())
    _digest: str = PrivateAttr(default="")

    @property
    def path(self) -> Path:
        """The file it was read from; relative paths in it start at that file's directory."""
        return self._path

    @property
    def directory(self) -> Path:
        """The directory relative paths start at."""
        return self._path.parent

    @property
    def source(self) -> Item:
        """The config as written, with places."""
        return self._source

    @property
    def routes_compiled(self) -> tuple[RoutePlan, ...]:
        """The routes, ready to run, in the order written. Empty for a config that was not loaded from a file."""
        return self._routes_compiled

    @property
    def digest(self) -> str:
        """A short hash of the config and every file it names."""
        return self._digest

    def route(self, name: str) -> RoutePlan:
        """The compiled route `name`. Raises KeyError."""
        for plan in self._routes_compiled:
            if plan.name == name:
                return plan
        raise KeyError(name)
