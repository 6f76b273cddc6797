"""Opening the ledger, and its transactions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import Any

import alembic.command
import alembic.config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event, select, text
from sqlalchemy.exc import SQLAlchemyError

from bridge.errors import ConfigurationError
from bridge.model.ports import Clock
from bridge.store import schema
from bridge.store.brakes import Brakes
from bridge.store.chores import Chores
from bridge.store.cleanings import Cleanings
from bridge.store.clocks import Clocks
from bridge.store.embargoes import Embargoes
from bridge.store.facts import Facts
from bridge.store.files import Files
from bridge.store.hands import Hand, Hands
from bridge.store.journal import Journal
from bridge.store.links import Links
from bridge.store.notices import Notices
from bridge.store.notifications import Notifications
from bridge.store.readings import Readings
from bridge.store.schema import EPOCH
from bridge.store.signposts import Signposts
from bridge.store.unread import UnreadTickets
from bridge.store.upsert import put_row

FILE = "ledger.sqlite3"


class Transaction:
    """One transaction: everything written through it stands or falls together."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.hands = Hands(connection, now)
        self.readings = Readings(connection, now)
        self.facts = Facts(connection, now)
        self.clocks = Clocks(connection, now)
        self.links = Links(connection, now)
        self.journal = Journal(connection, now)
        self.brakes = Brakes(connection, now)
        self.embargoes = Embargoes(connection, now)
        self.files = Files(connection, now)
        self.notices = Notices(connection, now)
        self.notifications = Notifications(connection, now)
        self.signposts = Signposts(connection, now)
        self.cleanings = Cleanings(connection, now)
        self.chores = Chores(connection)
        self.unread = UnreadTickets(connection, now)

    def note(self, what: str, *, group: str = "", by_person: bool = False, **detail: Any) -> None:
        """Append to the audit trail."""
        row = {"at": self.now, "group_id": group, "what": what, "detail": detail, "by_person": by_person}
        self.connection.execute(schema.audit.insert().values(row))


class Ledger:
    """The open ledger. Thread-safe: every transaction has its own connection.

    On SQLite one process holds the data directory (an exclusive file lock) and writes one transaction at a time. On
    PostgreSQL any number of processes may share it; lease times are then the database's.
    """

    def __init__(self, engine: Engine, clock: Clock, lock: FileLock | None = None) -> None:
        self.engine = engine
        self._clock = clock
        self._lock = lock
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._one_writer = Lock()

    @property
    def is_alone(self) -> bool:
        """Whether no other process can share this ledger."""
        return self._is_sqlite

    def now(self) -> datetime:
        """The ledger's present: the database's clock where machines share it, else this process's."""
        if self._is_sqlite:
            return self._clock.now()
        with self.engine.connect() as connection:
            return self._database_now(connection)

    @contextmanager
    def begin(self, hand: Hand | None = None) -> Iterator[Transaction]:
        """A transaction. With a `hand`, raises HandLostError if that hand no longer holds its group."""
        if self._is_sqlite:
            with self._one_writer, self.engine.begin() as connection:
                yield self._open(connection, self._clock.now(), hand)
        else:
            with self.engine.begin() as connection:
                yield self._open(connection, self._database_now(connection), hand)

    def _open(self, connection: Connection, now: datetime, hand: Hand | None) -> Transaction:
        transaction = Transaction(connection, now)
        if hand is not None:
            transaction.hands.check(hand)
        return transaction

    @staticmethod
    def _database_now(connection: Connection) -> datetime:
        micros = connection.execute(
            text("select (extract(epoch from clock_timestamp()) * 1000000)::bigint")
        ).scalar_one()
        return EPOCH + timedelta(microseconds=int(micros))

    def close(self) -> None:
        """Let every connection and the lock go."""
        self.engine.dispose()
        if self._lock is not None:
            self._lock.release()


def open_ledger(
    *,
    clock: Clock,
    directory: Path | None = None,
    url: str | None = None,
    only_look: bool = False,
    beside: bool = False,
) -> Ledger:
    """Open the ledger in `directory` (SQLite) or at `url` (PostgreSQL), and bring its tables up to date.

    `only_look` opens one that may be in use by another process, to read from; `beside` one to write a few rows into, in
    transactions that wait for each other's. Neither touches the tables' shape. Raises ConfigurationError when another
    process holds the directory, there is nothing to look at, its tables are of another version, or the database cannot be
    reached.
    """
    lock: FileLock | None = None
    if url is not None:
        engine = create_engine(_driver(url), pool_size=16, pool_pre_ping=True)
    elif directory is None:
        raise ConfigurationError("The ledger needs a directory or a database address.")
    elif only_look or beside:
        engine = _look_at_sqlite(directory, writes=beside)
    else:
        engine, lock = _open_sqlite(directory)
    try:
        if beside or only_look:
            _check_revision(engine)
        else:
            migrate(engine)
    except SQLAlchemyError as error:
        engine.dispose()
        reason = str(getattr(error, "orig", error)).strip().split("\n")[0]
        raise ConfigurationError(f"The ledger cannot be opened: {reason}", None, "check the store: lines") from error
    return Ledger(engine, clock, lock)


def _driver(url: str) -> str:
    return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)


def _open_sqlite(directory: Path) -> tuple[Engine, FileLock]:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(str(directory / "ledger.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigurationError(
            f"Another bridge process is using the data directory {directory}.",
            None,
            "stop it, or give this one another store: directory",
        ) from error
    engine = create_engine(f"sqlite:///{directory / FILE}", connect_args={"timeout": 30, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine, lock


def _look_at_sqlite(directory: Path, *, writes: bool) -> Engine:
    path = directory / FILE
    if not path.exists():
        raise ConfigurationError(f"There is no ledger in {directory} yet.", None, "run `bridge run` first")
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite if writes else _prepare_to_look)
    event.listen(engine, "begin", _begin_immediate if writes else _begin_to_look)
    return engine


def _prepare_to_look(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    connection.execute("pragma query_only=on")


def _begin_to_look(connection: Connection) -> None:
    # All that one transaction reads is of one moment, whatever is written meanwhile.
    connection.exec_driver_sql("begin")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("pragma journal_mode=wal")
    cursor.execute("pragma synchronous=full")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    # The driver would begin lazily as a reader, and a reader that turns writer can fail: take the write lock first.
    connection.exec_driver_sql("begin immediate")


def _check_revision(engine: Engine) -> None:
    """Tables are brought up to date only by the process that holds the ledger."""
    with engine.begin() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != ScriptDirectory.from_config(_migrations()).get_current_head():
        engine.dispose()
        raise ConfigurationError(
            "The ledger's tables are of another version of bridge.", None, "start `bridge run` of this version first"
        )


def _migrations() -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(resources.files("bridge.store") / "migrations"))
    return config


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest revision."""
    config = _migrations()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")


def read_meta(transaction: Transaction, name: str) -> str | None:
    """A value of the ledger about itself, None if it was never written."""
    table = schema.meta
    value = transaction.connection.execute(select(table.c.value).where(table.c.name == name)).scalar_one_or_none()
    return None if value is None else str(value)


def write_meta(transaction: Transaction, name: str, value: str) -> None:
    """Keep a value of the ledger about itself."""
    put_row(transaction.connection, schema.meta, {"name": name}, {"value": value})
