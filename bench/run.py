"""Measures what a request costs: the gateway and its simulated vendors as processes, asked over HTTP.

    make bench
    .venv/bin/python bench/run.py --seconds 5 --callers 8

The vendors answer at once and no rate limit is set, so the figures are this program's own work. Three
processes share the machine: the one that asks, the gateway, the vendors. ``CPU ms`` is the gateway's alone
and says most; requests a second also depend on the other two. Compare two commits on one quiet machine.
"""

import argparse
import asyncio
import os
import platform
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import aiohttp
import orjson

from esim_graph import __version__
from esim_graph.config import load_settings
from esim_graph.engine import Engine, Request
from esim_graph.engine.documents import Documents
from esim_graph.runtime import open_runtime
from esim_graph.schema import build_schema
from esim_graph.server.app import build_engine

PROGRAM = Path(sys.executable).with_name("esim-graph")
START_SECONDS = 30.0

_KINDS = ("LIVE_STATUS", "BUNDLE_HISTORY", "PROFILES")
FORGETFUL = {f"ESIM_GRAPH_{kind}__TTL": "0" for kind in _KINDS}
LIVE_REMEMBERED = FORGETFUL | {"ESIM_GRAPH_LIVE_STATUS__TTL": "600"}
ALL_REMEMBERED = {f"ESIM_GRAPH_{kind}__TTL": "600" for kind in _KINDS}
UNLIMITED = {
    f"ESIM_GRAPH_{vendor}__{limit}": "0"
    for vendor in ("DIGI", "ESIMFLY", "ESIMGO")
    for limit in ("RATE_LIMIT", "CONCURRENCY")
}
GENEROUS = {  # the simulated vendors' own limits, off
    f"ESIM_GRAPH_SANDBOX_SWITCHES__{switch}": "0"
    for switch in (
        "DIGI__THROTTLE_WINDOW_CALLS",
        "DIGI__THROTTLE_IN_FLIGHT",
        "ESIMFLY__PER_MINUTE",
        "ESIMFLY__PER_HOUR",
        "ESIMFLY__PER_DAY",
    )
}

ONE_ESIM = """query ($iccid: ICCID!) {
  esim(iccid: $iccid) {
    profile { carrier status deviceId eid }
    liveStatus { status lastNetwork { operator country } dataUsage { usedBytes totalBytes } freshness { ageSeconds } }
    bundleHistory { kind bundleName occurredAt }
  }
}"""
PAGE = """query ($iccids: [String!]) {
  profiles(first: 50, filter: { iccid: { in: $iccids } }) {
    nodes { iccid carrier status esim { liveStatus { status } bundleHistory { kind bundleName occurredAt } } }
    pageInfo { hasNextPage endCursor }
  }
}"""
FLAT = "{ profiles(first: 1000) { nodes { iccid eid carrier status deviceId type } } }"
NOTHING = "query ($iccid: ICCID!) { esim(iccid: $iccid) { iccid id } }"

SOME_ICCIDS = "{ profiles(first: 200) { nodes { iccid } } }"
WHO_KNOWS = """query ($iccids: [ICCID!]!) {
  esimsByIccid(iccids: $iccids) { iccid liveStatus { status } bundleHistory { name } }
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One row of the table."""

    name: str
    query: str
    settings: Mapping[str, str]  #: of the gateway that it is put to
    variables: Callable[[Sequence[str]], Sequence[Mapping[str, object]]]  #: from the ICCIDs that all vendors know
    callers: int  #: at once


def _each(iccids: Sequence[str]) -> Sequence[Mapping[str, object]]:
    return [{"iccid": iccid} for iccid in iccids]


def _fifties(iccids: Sequence[str]) -> Sequence[Mapping[str, object]]:
    # One set a caller: of two who ask for the same at once, one would wait for the other's calls.
    return [{"iccids": list(iccids[at : at + 50])} for at in (0, 50)]


def _none(_: Sequence[str]) -> Sequence[Mapping[str, object]]:
    return [{}]


QUESTIONS = (
    Question(name="Q0  no vendor asked", query=NOTHING, settings=FORGETFUL, variables=_each, callers=8),
    Question(name="Q1  one eSIM, three vendors", query=ONE_ESIM, settings=FORGETFUL, variables=_each, callers=8),
    Question(name="Q2  50 profiles + live + history", query=PAGE, settings=FORGETFUL, variables=_fifties, callers=2),
    Question(name="Q4  1,000 profiles, flat", query=FLAT, settings=FORGETFUL, variables=_none, callers=2),
    Question(
        name="Q3  Q1, live status remembered", query=ONE_ESIM, settings=LIVE_REMEMBERED, variables=_each, callers=8
    ),
    Question(name="Q5  Q1, all three remembered", query=ONE_ESIM, settings=ALL_REMEMBERED, variables=_each, callers=8),
)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway, seen from outside."""

    address: str
    process: int
    session: aiohttp.ClientSession

    async def ask(self, body: bytes) -> bytes:
        """Send one request; end the program if the answer is no success."""
        headers = {"content-type": "application/json"}
        async with self.session.post(f"{self.address}/graphql", data=body, headers=headers) as response:
            answer = await response.read()
        if not answer.startswith(b'{"data":{') or b'"errors":[{"message"' in answer:
            raise SystemExit(f"The gateway answered with errors: …{answer[-1000:].decode()}")
        return answer

    async def known_to_all(self) -> list[str]:
        """ICCIDs that have a profile, a live status and a bundle history."""
        found = orjson.loads(await self.ask(_body(SOME_ICCIDS)))["data"]["profiles"]["nodes"]
        question = _body(WHO_KNOWS, {"iccids": [node["iccid"] for node in found]})
        async with self.session.post(
            f"{self.address}/graphql", data=question, headers={"content-type": "application/json"}
        ) as response:
            esims = (await response.json())["data"]["esimsByIccid"]
        return [esim["iccid"] for esim in esims if esim["liveStatus"] and esim["bundleHistory"] is not None]

    def cpu_seconds(self) -> float | None:
        """The processor time that it has used, where the system tells (Linux does)."""
        try:
            fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def vendor_calls(self) -> float:
        """How many calls it has sent to vendors, by its own count."""
        async with self.session.get(f"{self.address}/metrics") as response:
            text = await response.text()
        counts = re.findall(r"^esim_graph_upstream_calls_total\{.*\} (\S+)$", text, re.MULTILINE)
        return sum(float(count) for count in counts)


async def main() -> None:
    """Start, measure, print."""
    options = argparse.ArgumentParser(description="What a request costs, per query.")
    options.add_argument("--seconds", type=float, default=3.0, help="how long each query is asked (default 3)")
    options.add_argument("--callers", type=int, help="how many ask at once (default 8; 2 for the large answers)")
    chosen = options.parse_args()

    _say(_machine())
    _say(f"\n{'':36}{'callers':>8}{'req/s':>8}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'calls':>7}")
    async with _sandbox() as vendors:
        for settings in (FORGETFUL, LIVE_REMEMBERED, ALL_REMEMBERED):
            async with _gateway(vendors | settings) as gateway:
                iccids = await gateway.known_to_all()
                for question in QUESTIONS:
                    if question.settings is settings:
                        callers = chosen.callers or question.callers
                        bodies = [_body(question.query, variables) for variables in question.variables(iccids)]
                        row = await _measure(gateway, bodies, chosen.seconds, callers)
                        _say(f"{question.name:36}{callers:8}{row}")
    _say("\nCPU ms: processor time of the gateway, a request. calls: calls to vendors, a request.\n")
    await _print_engine_alone()


async def _measure(gateway: Gateway, bodies: Sequence[bytes], seconds: float, callers: int) -> str:
    """Ask for *seconds* and return the figures of one row."""
    for body in bodies:  # connections are open then, the document is known, and what is remembered is there
        await gateway.ask(body)
    calls, cpu = await gateway.vendor_calls(), gateway.cpu_seconds()
    took: list[float] = []
    began = time.perf_counter()
    end = began + seconds

    async def call(turn: int) -> None:
        while (start := time.perf_counter()) < end:
            await gateway.ask(bodies[turn % len(bodies)])
            took.append(time.perf_counter() - start)
            turn += callers

    async with asyncio.TaskGroup() as group:
        for caller in range(callers):
            group.create_task(call(caller))
    elapsed, used = time.perf_counter() - began, gateway.cpu_seconds()
    called = await gateway.vendor_calls() - calls
    p99 = statistics.quantiles(took, n=100, method="inclusive")[98]
    cpu_ms = "-" if cpu is None or used is None else f"{(used - cpu) * 1000 / len(took):.2f}"
    return (
        f"{len(took) / elapsed:8.0f}{statistics.median(took) * 1000:9.1f}{p99 * 1000:9.1f}"
        f"{cpu_ms:>9}{called / len(took):7.1f}"
    )


async def _print_engine_alone() -> None:
    """Time the steps before a vendor is asked, in this process."""
    schema = build_schema()
    documents = Documents(schema)
    documents.prepare(ONE_ESIM, None)
    fresh = _micro(lambda turn: Documents(schema).prepare(f"{ONE_ESIM} # {turn}", None), 90)
    known = _micro(lambda _: documents.prepare(ONE_ESIM, None), 20_000)
    async with open_runtime(load_settings()) as runtime:
        executed = await _micro_execute(build_engine(runtime, schema), 3_000)
    _say(f"parse and validate Q1, first time   {fresh:8.0f} µs")
    _say(f"the same text again                 {known:8.1f} µs")
    _say(f"execute Q0, no transport            {executed:8.0f} µs")


def _micro(step: Callable[[int], object], times: int) -> float:
    """Microseconds a step takes: the best of three rounds."""
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        for turn in range(times // 3):
            step(turn)
        best = min(best, (time.perf_counter() - began) / (times // 3))
    return best * 1e6


async def _micro_execute(engine: Engine, times: int) -> float:
    prepared = engine.prepare(Request(query=NOTHING))
    variables = {"iccid": "8948010010036785060"}
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(times // 3):
            await engine.execute(prepared, variables)
        best = min(best, (time.perf_counter() - began) / (times // 3))
    return best * 1e6


@asynccontextmanager
async def _sandbox() -> AsyncIterator[dict[str, str]]:
    """Run the simulated vendors; yields the settings that point a gateway at them, as they print them."""
    async with _process("sandbox", "--port", "0", settings=GENEROUS) as process:
        settings = dict(UNLIMITED)
        async with asyncio.timeout(START_SECONDS):
            while "ESIM_GRAPH_ESIMGO__API_KEY" not in settings:
                name, _, value = (await _line(process)).partition("=")
                if name.startswith("ESIM_GRAPH_"):
                    settings[name] = value
        yield settings


@asynccontextmanager
async def _gateway(settings: Mapping[str, str]) -> AsyncIterator[Gateway]:
    """Run a gateway with *settings* and nothing else of the environment's."""
    async with _process("serve", "--port", "0", settings=settings) as process, aiohttp.ClientSession() as session:
        async with asyncio.timeout(START_SECONDS):
            while (found := re.search(r"(http://\S+)/graphql$", await _line(process))) is None:
                pass
        yield Gateway(found[1], process.pid, session)


@asynccontextmanager
async def _process(*arguments: str, settings: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("ESIM_GRAPH_")}
    with tempfile.TemporaryDirectory(prefix="esim-graph-bench-") as empty:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            *arguments,
            cwd=empty,  # where no .env is
            env=own | {"ESIM_GRAPH_LOG_LEVEL": "error", **settings},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            await process.wait()


async def _line(process: asyncio.subprocess.Process) -> str:
    if process.stdout is None or not (line := await process.stdout.readline()):
        raise SystemExit("esim-graph did not start; try `make run`.")
    return line.decode().rstrip("\n")


def _machine() -> str:
    packages = ("strawberry-graphql", "graphql-core", "starlette", "uvicorn", "uvloop", "aiohttp")
    versions = ", ".join([f"esim-graph {__version__}", *(f"{name} {version(name)}" for name in packages)])
    return f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}\n{versions}"


def _processor() -> str:
    try:
        models = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        models = []
    return models[0] if models else platform.processor() or platform.machine()


def _body(query: str, variables: Mapping[str, object] | None = None) -> bytes:
    return orjson.dumps({"query": query, "variables": variables or None})


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
