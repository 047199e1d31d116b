"""A gateway as a process of its own that is killed, and started again where it was."""

import asyncio
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from esim_graph.sandbox import Sandbox

_START_SECONDS = 45.0  # on a busy machine
_TAIL = 6_000  # bytes of the log that a failure shows
# Below the ports that the kernel gives out by itself, so that nobody has ours while the gateway is down.
_PORTS = (20_000, 32_000)


async def moment(seconds: float) -> None:
    """Let real time pass, which a test may do here alone: another process lives in no clock of ours."""
    await asyncio.sleep(seconds)


def gateway_environment(sandbox: Sandbox, database_url: str, **more: str) -> dict[str, str]:
    """The settings of a gateway over *sandbox* that looks often and has no limits of ours."""
    return {
        **sandbox.settings(),
        "ESIM_GRAPH_DIGI__RATE_LIMIT": "0",
        "ESIM_GRAPH_DIGI__CONCURRENCY": "0",
        "ESIM_GRAPH_DATABASE_URL": database_url,
        "ESIM_GRAPH_POLL__MIN_INTERVAL": "0.2",
        "ESIM_GRAPH_POLL__MAX_INTERVAL": "1",
        "ESIM_GRAPH_OPERATION_TIMEOUT": "3",
        **more,
    }


class Replica:
    """``esim-graph serve`` on a port that it keeps over every death."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, name: str = "gateway") -> None:
        self.port = _free_port()
        self.up = asyncio.Event()  #: Set while it answers.
        self.starts = 0
        self._folder = folder
        self._environment = environment
        self._log = folder / f"{name}.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def graphql(self) -> str:
        """The address of the graph."""
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def running(self) -> bool:
        """Whether the process lives, answering or not."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the process, in a group of its own; it does not answer yet."""
        assert not self.running
        inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith("ESIM_GRAPH_")}
        self.starts += 1
        with self._log.open("ab") as log:
            log.write(b"---- start %d\n" % self.starts)
            log.flush()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "esim_graph", "serve", "--port", str(self.port)),
                cwd=self._folder,
                env=inherited | dict(self._environment),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    async def listening(self) -> None:
        """Wait until it answers."""
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_START_SECONDS):
                while line := await self._process.stdout.readline():
                    if b"esim-graph on " in line:
                        self.up.set()
                        return
        except TimeoutError:
            pass
        raise AssertionError(f"the gateway did not come up\n{self.tail()}")

    async def kill(self) -> None:
        """``kill -9`` the process and all that it started."""
        assert self._process is not None
        self.up.clear()
        if self.running:
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.communicate()

    def tail(self) -> str:
        """The end of what it has logged."""
        if not self._log.exists():
            return "no log"
        return self._log.read_bytes()[-_TAIL:].decode(errors="replace")


@asynccontextmanager
async def open_replicas(
    folder: Path, environment: Mapping[str, str], names: Sequence[str]
) -> AsyncIterator[list[Replica]]:
    """Start gateways that answer; at the end they are killed."""
    replicas = [Replica(folder, environment, name=name) for name in names]
    try:
        for replica in replicas:
            await replica.start()
        for replica in replicas:
            await replica.listening()
        yield replicas
    finally:
        for replica in replicas:
            if replica.running:
                await replica.kill()


def _free_port() -> int:
    for _ in range(100):
        port = random.randrange(*_PORTS)
        with socket.socket() as trying:
            try:
                trying.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")
