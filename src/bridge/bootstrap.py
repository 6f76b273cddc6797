"""The only place that builds the object graph: from a loaded config to a daemon that can run."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound
from jinja2.sandbox import SandboxedEnvironment

from bridge.config import Config, RoutePlan, SiteConfig, find_update, read_login, roles_of
from bridge.config.channels import roster_of
from bridge.config.routes import SidePlan
from bridge.connect.breaker import Breaker, Standing
from bridge.connect.bucket import Rate
from bridge.connect.channel import Channel
from bridge.connect.chat import Chat
from bridge.connect.heartbeat import send_heartbeat
from bridge.connect.hooks import HookWish
from bridge.connect.limiter import Limits, SiteLimiter
from bridge.connect.mail import Mailbox, parse_relay
from bridge.connect.port import Connector, ConnectorKind, SiteSettings
from bridge.connect.registry import find_kinds
from bridge.connect.wire import Wire
from bridge.console.door import Door
from bridge.console.health import health_routes
from bridge.console.metrics import Meter
from bridge.console.receiver import make_app
from bridge.console.server import WebhookServer
from bridge.engine.batch import Batch
from bridge.engine.clock import SystemClock
from bridge.engine.clocks.telling import Teller
from bridge.engine.clocks.winding import Winder
from bridge.engine.connections import Connections
from bridge.engine.daemon import Daemon
from bridge.engine.guards.publicity import Publicity
from bridge.engine.herald import MAIL, Herald
from bridge.engine.intake.backfill import Backfill
from bridge.engine.intake.circuits import Circuits
from bridge.engine.intake.feeds import Intake
from bridge.engine.intake.hooks import HookKeeper
from bridge.engine.intake.past import Chronicle
from bridge.engine.intake.reader import Duty
from bridge.engine.keys import Keys
from bridge.engine.plan import Tools
from bridge.engine.route import Route, RouteSide
from bridge.engine.sending.delivery import Delivery
from bridge.engine.sending.recovery import Recovery
from bridge.engine.sending.signs import Signs
from bridge.engine.sweep import Sweeper, Times
from bridge.engine.texts.files import Carrier
from bridge.engine.values.origin import Origin
from bridge.engine.watch import Pulse, Watch
from bridge.errors import ConfigurationError
from bridge.model import document as rich
from bridge.model.document import Document
from bridge.model.feed import Hint
from bridge.model.ports import Clock
from bridge.model.words import Mode
from bridge.store.ledger import Ledger, open_ledger, read_meta, write_meta
from bridge.text import marker as signing
from bridge.text.split import split

FIRST_DAYS = timedelta(days=90)
"""How far back a route without `begin.from` looks."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """A built bridge: the daemon, what it was built from, and the requests each site was sent."""

    daemon: Daemon
    config: Config
    ledger: Ledger
    routes: Mapping[str, Route]
    wires: Mapping[str, Wire]
    duties: tuple[Duty, ...] = ()
    webhooks: WebhookServer | None = None
    """Hears webhooks once it is started; None where the config listens nowhere."""

    def close(self) -> None:
        """Let everything go."""
        if self.webhooks is not None:
            self.webhooks.stop()
        self.daemon.close()


def build(config: Config, *, clock: Clock | None = None) -> Bridge:
    """Build a bridge. Opens the ledger; sends nothing.

    Raises ConfigurationError when a login does not fit its connector or the ledger cannot be opened.
    """
    clock = clock or SystemClock()
    kinds = find_kinds()
    directory = config.directory / config.store.directory
    store_url = config.store.url.get_secret_value() if config.store.url else None
    key, is_new = _marker_key(directory)
    settings = {name: _settings(name, site, config, kinds, key) for name, site in _used_sites(config).items()}
    meter = Meter()
    wires = {
        name: _wire(name, config.sites[name], kinds[config.sites[name].connector].limits(), clock, meter)
        for name in settings
    }
    openers = {name: _opener(kinds[config.sites[name].connector], settings[name], wires[name]) for name in settings}
    ledger = open_ledger(clock=clock, directory=None if store_url else directory, url=store_url)
    connections = Connections(openers, settings, lambda site: wires[site].offset)
    routes = {plan.name: _route_of(ledger, plan, config) for plan in config.routes_compiled}
    tools = Tools(
        sign=lambda marker: signing.sign(key, marker),
        split=_splitter(connections),
        templates=templates(),
        capabilities=lambda site: connections.to(site).capabilities,
        show=lambda site, body: connections.to(site).shown(body),
        opened_at=clock.now(),
    )
    keys = Keys()
    with ledger.begin() as transaction:
        keys.open(transaction, settings)
    publicity = Publicity(ledger, connections, routes, clock)
    delivery = Delivery(ledger, connections, keys, clock, Carrier(ledger, connections, clock), publicity)
    recovery = Recovery(ledger, connections, keys, opened_at=None if is_new else tools.opened_at)
    doors = _doors(config, kinds, settings, connections)
    keeper = HookKeeper(ledger, connections, _wishes(config, settings, doors, key), partial(_trust, doors), clock)
    intake = Intake(ledger, connections, routes, keys, clock)
    times = Times(every=config.sweep.every, at=config.sweep.at, pace=config.sweep.pace)
    sweeper = Sweeper(ledger, connections, intake, routes, tools, clock, times)
    circuits = Circuits(ledger, {name: _standing(wire) for name, wire in wires.items()})
    chronicle = Chronicle(ledger, connections, routes, clock)
    channels = _channels(config, key, clock)
    names = {person: tuple(name for whose, name in channels if whose == person) for person in config.people}
    duties: tuple[Duty, ...] = (circuits, keeper, sweeper, chronicle)
    daemon = Daemon(
        ledger=ledger,
        connections=connections,
        routes=routes,
        intake=intake,
        batch=Batch(
            ledger,
            connections,
            routes,
            tools,
            delivery,
            recovery,
            Signs(ledger, connections, publicity, clock, tools.opened_at),
            Origin(ledger, connections),
            keys,
            clock,
            Winder(ledger, connections, chronicle, Teller(roster_of(config, names))),
        ),
        clock=clock,
        workers=config.engine.workers,
        poll_s={name: config.sites[name].poll.total_seconds() for name in settings},
        watch=Watch(ledger, routes, {name: _budget(config.sites[name]) for name in settings}, clock),
        publicity=publicity,
        duties=(*duties, publicity),
        pulse=_pulse(config),
        backfill=Backfill(ledger, connections, intake, routes, clock),
        herald=Herald(ledger, channels),
    )
    webhooks = None
    if config.listen is not None:
        more = health_routes(daemon.vitals, meter)
        app = make_app(doors, daemon.take, clock, heard=meter.heard, more=more)
        webhooks = WebhookServer(app, host=config.listen.host, port=config.listen.port)
    return Bridge(daemon, config, ledger, routes, wires, duties, webhooks)


def _channels(config: Config, key: bytes, clock: Clock) -> dict[tuple[str, str], Channel]:
    """The ways to people, by their key and the channel's name, which tells nothing of the address."""
    relay = parse_relay(config.mail.smtp.get_secret_value()) if config.mail and config.mail.smtp else None
    found: dict[tuple[str, str], Channel] = {}
    for person, one in config.people.items():
        if config.mail is not None and relay is not None and one.email:
            found[person, MAIL] = Mailbox(relay, config.mail.send_from, one.email, clock)
        for secret in one.notify:
            url = secret.get_secret_value()
            name = f"{url.partition(':')[0][:32]} {signing.derive(key, f'channel {url}')[:12]}"
            found[person, name] = Chat(url)
    return found


def _standing(wire: Wire) -> Callable[[], Standing]:
    return lambda: wire.breaker.standing if wire.breaker else Standing()


def _doors(
    config: Config, kinds: Mapping[str, ConnectorKind], settings: Mapping[str, SiteSettings], connections: Connections
) -> dict[str, Door]:
    doors = {}
    for name, site in settings.items():
        webhook = config.sites[name].webhook
        if webhook is None:
            continue
        scheme = kinds[config.sites[name].connector].door(site)
        secret = webhook.secret.get_secret_value().encode() if webhook.secret else None
        if secret is None and not scheme.makes_secret:
            secret = signing.derive(site.marker_key, f"webhook {name}").encode()
        doors[name] = Door(name, scheme, secret, partial(_parse, connections, name))
    return doors


def _wishes(
    config: Config, settings: Mapping[str, SiteSettings], doors: Mapping[str, Door], key: bytes
) -> dict[str, HookWish]:
    """The webhooks to keep: of sites that say `register`, unless all their routes observe only."""
    acting = {
        side.site
        for plan in config.routes_compiled
        if plan.mode is not Mode.OBSERVE
        for side in (plan.helpdesk, plan.tracker)
    }
    mark = signing.derive(key, "installation")[:12]
    wishes = {}
    for name in settings:
        webhook = config.sites[name].webhook
        if webhook is None or not webhook.register_ or name not in acting or config.public_url is None:
            continue
        secret = (doors[name].secret or b"").decode()
        base = f"{config.public_url.rstrip('/')}/hooks/{name}"
        address = f"{base}/{secret}" if doors[name].scheme.in_path else base
        wishes[name] = HookWish(
            name=f"bridge {name} {mark}",
            base=base,
            address=f"{address}?bridge={mark}",
            mark=mark,
            secret=secret,
            fingerprint=signing.derive(key, f"{address} {secret}")[:16],
        )
    return wishes


def _trust(doors: Mapping[str, Door], site: str, secret: str) -> None:
    doors[site].trust(secret.encode())


def _parse(connections: Connections, site: str, headers: Mapping[str, str], body: bytes) -> tuple[Hint, ...]:
    return connections.to(site).parse_webhook(headers, body)


def look(config: Config, *, clock: Clock | None = None) -> Ledger:
    """Only the ledger of a config, to look at."""
    url = config.store.url.get_secret_value() if config.store.url else None
    directory = config.directory / config.store.directory
    return open_ledger(clock=clock or SystemClock(), directory=None if url else directory, url=url, only_look=True)


def beside(config: Config) -> Ledger:
    """The ledger of a config, to write a person's word into while a bridge may run on it."""
    url = config.store.url.get_secret_value() if config.store.url else None
    directory = config.directory / config.store.directory
    return open_ledger(clock=SystemClock(), directory=None if url else directory, url=url, beside=True)


@dataclass(frozen=True, slots=True)
class Desktop:
    """What a person's command works on beside a running daemon: the ledger, and the routes as the config has them."""

    ledger: Ledger
    routes: Mapping[str, Route]


def desktop(config: Config, *, only_look: bool = False) -> Desktop:
    """The ledger of a config, to be written to (or only looked at) beside a running daemon, and its routes."""
    now = SystemClock().now()
    routes = {plan.name: _route(plan, config, began_at=now) for plan in config.routes_compiled}
    return Desktop(look(config) if only_look else beside(config), routes)


@dataclass(frozen=True, slots=True)
class Reach:
    """What a person's command needs beside a running bridge: its ledger, the sites and the routes."""

    ledger: Ledger
    connections: Connections
    routes: Mapping[str, Route]
    signs: Signs
    clock: Clock

    def close(self) -> None:
        """Let everything go."""
        self.connections.close()
        self.ledger.close()


def reach(config: Config, *, clock: Clock | None = None) -> Reach:
    """The ledger, beside whoever runs on it, and connectors to the sites. Sends nothing yet.

    Raises ConfigurationError when there is no ledger yet or a login does not fit its connector.
    """
    clock, kinds = clock or SystemClock(), find_kinds()
    ledger = beside(config)
    key, _is_new = _marker_key(config.directory / config.store.directory)
    settings = {name: _settings(name, site, config, kinds, key) for name, site in _used_sites(config).items()}
    openers = {}
    for name in settings:
        kind = kinds[config.sites[name].connector]
        openers[name] = _opener(kind, settings[name], _wire(name, config.sites[name], kind.limits(), clock, Meter()))
    routes = {plan.name: _route_of(ledger, plan, config) for plan in config.routes_compiled}
    connections = Connections(openers, settings)
    signs = Signs(ledger, connections, Publicity(ledger, connections, routes, clock), clock, clock.now())
    return Reach(ledger, connections, routes, signs, clock)


def _used_sites(config: Config) -> dict[str, SiteConfig]:
    used = {side.site for plan in config.routes_compiled for side in (plan.helpdesk, plan.tracker)}
    return {name: site for name, site in config.sites.items() if name in used}


def _route_of(ledger: Ledger, plan: RoutePlan, config: Config) -> Route:
    """A route as this ledger has known it since it first did."""
    began_at = _first_known(ledger, f"began:{plan.name}")
    # Issues that stood there before any of them could reach a customer begin nothing, unless an admin names a day.
    opens = plan.tracker.opening is not None and plan.mode is Mode.LIVE
    opens_at = _first_known(ledger, f"opens:{plan.name}") if opens else None
    return _route(plan, config, began_at=began_at, opens_at=opens_at)


def _first_known(ledger: Ledger, name: str) -> datetime:
    """When this ledger first knew something: once written, it stands."""
    with ledger.begin() as transaction:
        known = read_meta(transaction, name)
        if known is None:
            write_meta(transaction, name, transaction.now.isoformat())
        return datetime.fromisoformat(known) if known else transaction.now


def _route(plan: RoutePlan, config: Config, *, began_at: datetime, opens_at: datetime | None = None) -> Route:
    start = plan.begin.from_
    earliest = began_at if plan.begin.link == "new" else began_at - FIRST_DAYS
    begin_at = datetime.combine(start, time(), UTC) if start else earliest
    wishes = config.routes[plan.name].model_dump_json(by_alias=True)
    meaning = (wishes, plan.helpdesk.mapping.digest, plan.tracker.mapping.digest)
    return Route(
        name=plan.name,
        mode=plan.mode,
        helpdesk=_side(plan.helpdesk, config),
        tracker=_side(plan.tracker, config),
        policies=plan.policies,
        roles_of=roles_of(config),
        begin_link=plan.begin.link,
        begin_at=begin_at,
        undo=timedelta(seconds=plan.undo_s),
        language=plan.language,
        digest=hash_of(meaning),
        opens_at=begin_at if start else (opens_at or began_at).replace(microsecond=0),  # as sites tell it
        brakes=plan.brakes,
        allow_public=plan.allow_public,
        shared=plan.shared,
        follow_up=plan.follow_up,
        link_back=plan.link_back,
        issue_key_field=plan.issue_key_field,
        issue_url_field=plan.issue_url_field,
        contract=plan.contract,
        clocks_from=began_at,
    )


def hash_of(meaning: object) -> str:
    """A short stable hash of something's printed form."""
    return rich.digest(rich.text(repr(meaning)))[:16]


def _side(plan: SidePlan, config: Config) -> RouteSide:
    return RouteSide(
        side=plan.side,
        site=plan.site,
        connector=config.sites[plan.site].connector,
        held_by=plan.held_by,
        scope=plan.scope,
        mapping=plan.mapping,
        open_when=plan.open_when,
        opening=plan.opening,
    )


def _settings(
    name: str, site: SiteConfig, config: Config, kinds: Mapping[str, ConnectorKind], key: bytes
) -> SiteSettings:
    sides = [side for plan in config.routes_compiled for side in (plan.helpdesk, plan.tracker) if side.site == name]
    login = read_login(config, name, kinds[site.connector].login)
    return SiteSettings(
        name=name,
        url=site.url,
        held_by=site.held_by,
        login=login,
        native_fields=frozenset(native for side in sides for native in side.native_fields()),
        scopes=tuple(MappingProxyType(dict(scope)) for scope in {tuple(sorted(side.scope.items())) for side in sides}),
        marker_key=key,
        deadline_s=site.limits.deadline.total_seconds(),
        processing_s=site.limits.processing.total_seconds(),
        index_lag_s=site.limits.index_lag.total_seconds(),
        attachment_limit=site.limits.attachment,
        content_hosts=frozenset(site.content_hosts),
    )


def _wire(name: str, site: SiteConfig, documented: Limits, clock: Clock, meter: Meter) -> Wire:
    limits = documented if site.limits.documented else Limits()
    if site.limits.requests_per_minute is not None:
        limits = replace(limits, site=(*limits.site, Rate(site.limits.requests_per_minute, 60.0)))
    limiter = SiteLimiter(site=name, limits=limits, clock=clock)
    return Wire(
        site=name,
        url=site.url,
        limiter=limiter,
        breaker=Breaker(site=name, clock=clock),
        deadline_s=site.limits.deadline.total_seconds(),
        processing_s=site.limits.processing.total_seconds(),
        clock=clock,
        observe=lambda sent: meter.sent(sent.site, sent.method, sent.status),
    )


def _budget(site: SiteConfig) -> timedelta:
    """How long a site may go unread: a few polls at least, whatever the config says."""
    return max(site.budget, 3 * site.poll)


def _pulse(config: Config) -> Pulse | None:
    if config.heartbeat is None:
        return None
    return Pulse(partial(send_heartbeat, config.heartbeat.url.get_secret_value()), config.heartbeat.every)


def _opener(kind: ConnectorKind, settings: SiteSettings, wire: Wire) -> Callable[[], Connector]:
    shared = kind.shared(settings)
    return lambda: kind.connect(settings, wire, shared)


def _splitter(connections: Connections) -> Callable[[str, Document], tuple[Document, ...]]:
    def divide(site: str, document: Document) -> tuple[Document, ...]:
        connector = connections.to(site)
        return split(document, measure=connector.measure, limit=connector.capabilities.text_limit)

    return divide


def _marker_key(directory: Path) -> tuple[bytes, bool]:
    """The key markers are signed with, and whether it was made just now: made once, kept beside the ledger, readable by
    its owner only."""
    path = directory / "marker.key"
    if path.exists():
        return _read_key(path), False
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = secrets.token_bytes(32)
    draft = directory / f"marker.key.{secrets.token_hex(4)}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    # It appears whole or not at all: half a key would sign markers that anybody can forge.
    draft.rename(path)
    return key, True


def _read_key(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (ValueError, UnicodeDecodeError):
        key = b""
    if len(key) != 32:
        raise ConfigurationError(
            f"{path} is not a marker key of 32 bytes.", None, "put the right one back from a backup of the directory"
        )
    return key


class _Updates(BaseLoader):
    """Loads `LANGUAGE/KIND.j2` from the packs."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        language, _, kind = template.removesuffix(".j2").partition("/")
        try:
            return find_update(language, kind), None, None
        except ConfigurationError as error:
            raise TemplateNotFound(template) from error


def templates() -> SandboxedEnvironment:
    """The Jinja environment of customer updates: sandboxed, plain text, every unknown name an error."""
    return SandboxedEnvironment(
        loader=_Updates(), undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False
    )
