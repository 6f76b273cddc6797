"""What all tests share: examples without a clock over them, readable failures of the shipped suites, and a real
PostgreSQL server for those that want one."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, text

pytest.register_assert_rewrite("bridge.testing")
SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.differing_executors]
# The suite decides what lands, so it asks the same questions every time. `long` asks new ones at every run.
settings.register_profile("bridge", deadline=None, database=None, derandomize=True, suppress_health_check=SLOW_IS_FINE)
settings.register_profile(
    "long",
    deadline=None,
    database=None,
    max_examples=int(os.environ.get("MACHINE_STORIES", "2000")),
    suppress_health_check=SLOW_IS_FINE,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "bridge"))


def server_programs() -> Path | None:
    """Where initdb and postgres are, None if PostgreSQL's server is not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(os.path.realpath(found)).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A running PostgreSQL server on loopback, its data in a temporary directory. Skips where none is installed."""
    programs = server_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed")
    with tempfile.TemporaryDirectory(prefix="bridge-postgres-") as home:
        user = _unprivileged_user(Path(home))
        data = Path(home) / "data"
        port = _free_port()
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "bridge", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"],
            check=True,
            capture_output=True,
            user=user,
            cwd=home,
        )
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", home, "-F"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=user,
            cwd=home,
        )
        try:
            url = f"postgresql://bridge@127.0.0.1:{port}/postgres"
            subprocess.run(
                ["timeout", "30", "sh", "-c", f"until '{programs}/pg_isready' -q -h 127.0.0.1 -p {port}; do :; done"],
                check=True,
            )
            yield url
        finally:
            server.terminate()
            server.wait()


def _unprivileged_user(home: Path) -> int | None:
    """PostgreSQL refuses to run as root: then as whom it runs, who owns `home` from now on."""
    if os.getuid() != 0:
        return None
    name = "postgres" if any(entry.pw_name == "postgres" for entry in pwd.getpwall()) else "nobody"
    user = pwd.getpwnam(name)
    os.chown(home, user.pw_uid, user.pw_gid)
    return user.pw_uid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """An empty database on that server."""
    admin = create_engine(postgres_server.replace("postgresql://", "postgresql+psycopg://"))
    with admin.begin() as connection:
        connection.execute(text("drop schema public cascade"))
        connection.execute(text("create schema public"))
    admin.dispose()
    return postgres_server
