"""A real PostgreSQL server for tests: a cluster of its own in a temporary directory, on a Unix socket."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psycopg
import pytest

BINARIES = "AEGISOPS_TEST_POSTGRESQL_BIN"
DEBIAN = Path("/usr/lib/postgresql")
START_S = 60.0
STOP_S = 30.0


class NoPostgresError(Exception):
    """PostgreSQL is not installed; the message says what was looked for."""


def find_binaries() -> Path:
    """The directory of `initdb` and `postgres`: the one that is named, or of the newest version installed."""
    if named := os.environ.get(BINARIES):
        return Path(named)
    by_version = sorted(DEBIAN.glob("*/bin"), key=lambda path: float(path.parent.name))
    on_path = shutil.which("postgres")
    for directory in [*reversed(by_version), *([Path(on_path).resolve().parent] if on_path else [])]:
        if (directory / "initdb").is_file() and (directory / "postgres").is_file():
            return directory
    raise NoPostgresError(f"no PostgreSQL server in {DEBIAN} or on the PATH, and {BINARIES} names none")


def unprivileged() -> pwd.struct_passwd | None:
    """Who may run the server when root runs the tests, as PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


class PostgresServer:
    """Runs until it is stopped. What is committed outlives its own crash, though not the machine's."""

    def __init__(self) -> None:
        self._binaries = find_binaries()
        self._user = unprivileged()
        # Not pytest's directory: another user must be able to enter it, and a socket's path is short.
        self.directory = Path(tempfile.mkdtemp(prefix="aegisops-pg-"))
        if self._user is not None:
            os.chown(self.directory, self._user.pw_uid, self._user.pw_gid)
        self._log = self.directory / "log"
        self._made = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._run("initdb", "--auth=trust", "--username=aegis", "--encoding=UTF8", "--no-sync")
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.directory)

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.directory),
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": "200",
        }
        flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self._process = self._popen("postgres", *flags)
        deadline = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(host=str(self.directory), user="aegis", dbname="postgres").close()
                return
            except psycopg.OperationalError:
                assert self._process.poll() is None, self._log.read_text()
                assert time.monotonic() < deadline, self._log.read_text()
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT ends sessions in order, SIGQUIT as in a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(STOP_S)
            self._process = None

    def url(self, database: str) -> str:
        """The URL of a database of this server."""
        return f"postgresql+psycopg://aegis@/{database}?host={self.directory}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a fresh empty database, dropped afterwards with all who still use it."""
        self._made += 1
        name = f"test_{self._made}"
        self.sql(f"CREATE DATABASE {name}")
        yield self.url(name)
        self.sql(f"DROP DATABASE {name} WITH (FORCE)")

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        """Run one statement outside of any transaction; its rows."""
        with psycopg.connect(
            host=str(self.directory), user="aegis", dbname="postgres", autocommit=True
        ) as connection:
            cursor = connection.execute(statement)  # type: ignore[call-overload]  # wants a literal; this is a test's own text
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: str) -> None:
        process = self._popen(program, *arguments)
        assert process.wait(START_S) == 0, self._log.read_text()

    def _popen(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        user = self._user
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [str(self._binaries / program), "-D", str(self.directory / "data"), *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                user=None if user is None else user.pw_uid,
                group=None if user is None else user.pw_gid,
                extra_groups=None if user is None else [],
            )


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL server for all tests of this process."""
    try:
        server = PostgresServer()
    except NoPostgresError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(f"{error}; on Debian: apt-get install postgresql")
    with server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """A fresh PostgreSQL database."""
    with postgres.database() as url:
        yield url
