"""``esim-graph`` as a process of its own, on free ports."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

_SECONDS = 30.0  # for a start on a busy machine


@dataclass(slots=True)
class Program:
    """A running program and what it has printed so far."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)

    async def line(self, text: str) -> str:
        """Read on until a line has *text* in it; return that line."""
        assert self.process.stdout is not None
        async with asyncio.timeout(_SECONDS):
            while raw := await self.process.stdout.readline():
                self.lines.append(raw.decode())
                if text in self.lines[-1]:
                    return self.lines[-1]
        assert self.process.stderr is not None
        raise AssertionError(f"no line with {text!r}: {self.lines} {await self.process.stderr.read()!r}")

    async def end(self, number: signal.Signals, *, within: float = 8.0) -> tuple[int | None, str]:
        """Send a signal; return the exit code and what stands on standard error."""
        self.process.send_signal(number)
        return await self.ended(within=within)

    async def ended(self, *, within: float = _SECONDS) -> tuple[int | None, str]:
        """Wait for the end; return the exit code and what stands on standard error."""
        async with asyncio.timeout(within):
            _, errors = await self.process.communicate()
        return self.process.returncode, errors.decode()


@asynccontextmanager
async def running(*arguments: str, cwd: Path, **environment: str) -> AsyncIterator[Program]:
    """Start the program in *cwd* with none of our settings but *environment*."""
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith("ESIM_GRAPH_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "esim_graph",
        *arguments,
        cwd=cwd,
        env=inherited | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
