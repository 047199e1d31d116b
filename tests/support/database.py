"""Databases for tests: each test gets fresh ones, copied from one that was migrated once.

``pytest --database=sqlite`` (the default) or ``--database=postgresql``: a server of our own, without a port, without
fsync, and gone at the end.
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeVar

import asyncpg

from esim_graph.database.migrate import migrate

T = TypeVar("T")

_TEMPLATE = "template_migrated"
_SERVER = "TESTS_POSTGRESQL"  # tells xdist's workers where the server of the run is


class Databases(Protocol):
    """One kind of database."""

    def fresh(self) -> str:
        """The address of a new one, migrated."""

    def empty(self) -> str:
        """The address of a new one with nothing in it."""

    def discard(self, urls: Sequence[str]) -> None:
        """Remove these."""


class Aside:
    """A loop in a thread of its own, since one may be running here."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._runner = asyncio.Runner()

    def __enter__(self) -> "Aside":
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for *work*."""
        return self._thread.submit(self._runner.run, work).result()


class SqliteFiles:
    """SQLite files in *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        self._template: Path | None = None

    def fresh(self) -> str:
        if self._template is None:
            self._template = self._folder / _TEMPLATE
            with Aside() as aside:
                aside.run(migrate(f"sqlite+aiosqlite:///{self._template}"))
        path = self._folder / f"{next(self._numbers)}.sqlite3"
        shutil.copyfile(self._template, path)
        return f"sqlite+aiosqlite:///{path}"

    def empty(self) -> str:
        return f"sqlite+aiosqlite:///{self._folder / f'{next(self._numbers)}.sqlite3'}"

    def discard(self, urls: Sequence[str]) -> None:
        for url in urls:
            for path in self._folder.glob(f"{url.rpartition('/')[2]}*"):
                path.unlink()


class PostgresqlServer:
    """A PostgreSQL server whose files and socket lie in *folder*."""

    def __init__(self, folder: Path, aside: Aside) -> None:
        self.folder = folder
        self._aside = aside
        self._programs = _find_programs()
        self._numbers = count(1)
        self._owner: asyncpg.Connection | None = None

    def url(self, name: str) -> str:
        """The address of the database *name*."""
        return f"postgresql+asyncpg://postgres@/{name}?host={self.folder}"

    def fresh(self) -> str:
        return self._create(f"TEMPLATE {_TEMPLATE} STRATEGY FILE_COPY")

    def empty(self) -> str:
        return self._create("")

    def discard(self, urls: Sequence[str]) -> None:
        for url in urls:
            name = url.rpartition("?")[0].rpartition("/")[2]
            self.run_sql(f"DROP DATABASE {name} WITH (FORCE)")

    def make(self) -> None:
        """Make the server's files and start it."""
        options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]
        self._run("initdb", f"--pgdata={self.folder / 'data'}", *options)
        self.start()
        self.run_sql(f"CREATE DATABASE {_TEMPLATE}")
        self._aside.run(migrate(self.url(_TEMPLATE)))

    def start(self) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.folder,
            "max_connections": 400,
            "fsync": "off",
            "full_page_writes": "off",
            "max_wal_size": "4GB",
        }
        given = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        self._control("start", "-w", "-l", str(self.folder / "log"), "-o", given)

    def stop(self) -> None:
        """Stop it at once; whoever is connected is cut off."""
        self.leave()
        self._control("stop", "-m", "immediate")

    def leave(self) -> None:
        """Close the owner's connection; it is opened again when it is needed."""
        if self._owner is not None:
            self._aside.run(self._owner.close())
            self._owner = None

    def run_sql(self, statement: str) -> None:
        """Run a statement as the owner."""
        if self._owner is None:
            self._owner = self._aside.run(asyncpg.connect(host=str(self.folder), user="postgres", database="postgres"))
        self._aside.run(self._owner.execute(statement))

    def _create(self, clause: str) -> str:
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self.run_sql(f"CREATE DATABASE {name} {clause}")
        return self.url(name)

    def _control(self, verb: str, *options: str) -> None:
        self._run("pg_ctl", verb, f"--pgdata={self.folder / 'data'}", *options)

    def _run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root.
        other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        command = [*other, str(self._programs / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"


def _find_programs() -> Path:
    """PostgreSQL's own folder on Debian, which is on nobody's PATH; elsewhere where ``postgres`` is."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    found = debian[-1] if debian else shutil.which("postgres")
    assert found, "PostgreSQL is not installed: scripts/bring-programs"
    return Path(found).resolve().parent


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder in memory where there is one: every commit waits for the disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="esim-graph-", dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


@contextmanager
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A server of one's own, running."""
    with temporary_folder() as folder, Aside() as aside:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        server = PostgresqlServer(folder, aside)
        server.make()
        try:
            yield server
        finally:
            server.stop()


class Chosen:
    """What ``--database`` says, for the whole run."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._handed_out: list[str] = []
        self.databases: Databases

    def open(self, kind: str) -> None:
        if kind == "sqlite":
            self.databases = SqliteFiles(self._open.enter_context(temporary_folder()))
        elif folder := os.environ.get(_SERVER):
            server = PostgresqlServer(Path(folder), self._open.enter_context(Aside()))
            self._open.callback(server.leave)
            self.databases = server
        else:
            server = self._open.enter_context(postgresql_server())
            os.environ[_SERVER] = str(server.folder)
            self._open.callback(os.environ.pop, _SERVER)
            self.databases = server

    def close(self) -> None:
        self._open.close()

    def hand_out(self, url: str) -> str:
        """Note *url*, so that it is removed in time."""
        self._handed_out.append(url)
        return url

    @contextmanager
    def of_one_test(self) -> Iterator[None]:
        """What is handed out in the block is removed at its end; a module's own lives to the end of the run."""
        before = len(self._handed_out)
        yield
        self.databases.discard(self._handed_out[before:])
        del self._handed_out[before:]


CHOSEN = Chosen()


def fresh_database_url() -> str:
    """The address of a new, migrated database that lives until the end of the test."""
    return CHOSEN.hand_out(CHOSEN.databases.fresh())


def empty_database_url() -> str:
    """The address of a new database with nothing in it; a SQLite file is not there yet."""
    return CHOSEN.hand_out(CHOSEN.databases.empty())
