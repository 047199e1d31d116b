"""One running sandbox: three vendors and ``/control`` on one loopback port.

Tests open one each::

    async with serving(Options(speed=60)) as sandbox:
        sandbox.digi_url, sandbox.credentials.digi_api_key_id      # where to call, and as whom
        sandbox.switches.digi.single_get = "wrapped"               # what the pages leave open
        sandbox.faults.status(503, "esimgo", retry_after=30)       # what goes wrong
        sandbox.world.change_profile(ICCID, status="inactive")     # what the vendor knows
        sandbox.world.advance(600)                                 # ten simulated minutes
        sandbox.calls.count("digi", "inventory")                   # what was asked
"""

import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from esim_graph.sandbox.calls import Calls
from esim_graph.sandbox.clock import Clock, SandboxTime, SystemClock
from esim_graph.sandbox.control import Control
from esim_graph.sandbox.credentials import Credentials
from esim_graph.sandbox.digi.face import DigiFace
from esim_graph.sandbox.entrance import Entrance
from esim_graph.sandbox.esimfly.face import EsimflyFace
from esim_graph.sandbox.esimgo.face import EsimgoFace
from esim_graph.sandbox.fault_player import FaultPlayer
from esim_graph.sandbox.faults import Faults
from esim_graph.sandbox.operations import Multistep
from esim_graph.sandbox.options import Options
from esim_graph.sandbox.switches import Switches
from esim_graph.sandbox.transactions import Actions
from esim_graph.sandbox.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running sandbox, held by the code that opened it."""

    url: str  #: ``http://127.0.0.1:<port>``, where ``/control`` is.
    credentials: Credentials
    switches: Switches
    faults: Faults
    calls: Calls
    world: World
    actions: Actions  #: ``actions.change(transaction, "failed", code, message)``
    multistep: Multistep  #: ``multistep.change(operation, "enable", None, None)``

    @property
    def digi_url(self) -> str:
        """Digi's base address; paths start at ``/ws/v1``."""
        return f"{self.url}/digi"

    @property
    def esimfly_url(self) -> str:
        """ESIMfly's base address; paths start at ``/api/v1/business``."""
        return f"{self.url}/esimfly"

    @property
    def esimgo_url(self) -> str:
        """ESIM Go's base address; paths start at ``/esims``."""
        return f"{self.url}/esimgo/v2.4"

    def settings(self) -> dict[str, str]:
        """Return the environment variables that point a gateway at this sandbox."""
        return {
            "ESIM_GRAPH_DIGI__BASE_URL": self.digi_url,
            "ESIM_GRAPH_DIGI__API_KEY_ID": self.credentials.digi_api_key_id,
            "ESIM_GRAPH_DIGI__API_KEY_SECRET": self.credentials.digi_api_key_secret,
            "ESIM_GRAPH_ESIMFLY__BASE_URL": self.esimfly_url,
            "ESIM_GRAPH_ESIMFLY__ACCESS_CODE": self.credentials.esimfly_access_code,
            "ESIM_GRAPH_ESIMFLY__SECRET_KEY": self.credentials.esimfly_secret_key,
            "ESIM_GRAPH_ESIMGO__BASE_URL": self.esimgo_url,
            "ESIM_GRAPH_ESIMGO__API_KEY": self.credentials.esimgo_api_key,
        }


@asynccontextmanager
async def serving(
    options: Options | None = None, *, host: str = "127.0.0.1", port: int = 0, clock: Clock | None = None
) -> AsyncIterator[Sandbox]:
    """Open a sandbox in this event loop and close it at the end.

    Args:
        options: speed, seed, size and switches; the defaults when left out. Its ``port`` is not used here.
        host: a loopback address; anything else is refused.
        port: 0 takes a free port.
        clock: the machine's own when left out; a :class:`ManualClock` lets a test move time.

    Raises:
        ValueError: *host* is no loopback address.
        OSError: the port is taken.
    """
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"the sandbox listens on loopback only, not on {host}")
    chosen = options or Options()
    clock = clock or SystemClock()
    world = World(
        time=SandboxTime(clock, chosen.speed),
        switches=chosen.switches.model_copy(deep=True),
        seed=chosen.seed,
        devices=chosen.devices,
    )
    calls, faults = Calls(clock), Faults()
    runner = web.AppRunner(web.Application(), access_log=None, shutdown_timeout=0.1)
    actions = Actions(world)
    multistep = Multistep(world, actions)
    credentials = Credentials()
    entrance = Entrance(world, calls, FaultPlayer(faults))
    for face in (
        DigiFace(world, actions, multistep, credentials),
        EsimflyFace(world, credentials),
        EsimgoFace(world, credentials),
    ):
        entrance.install(runner.app, face)
    Control(world, actions, multistep, faults, calls).install(runner.app)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0][1]
        authority = f"[{host}]" if ":" in host else host
        yield Sandbox(
            url=f"http://{authority}:{bound}",
            credentials=credentials,
            switches=world.switches,
            faults=faults,
            calls=calls,
            world=world,
            actions=actions,
            multistep=multistep,
        )
    finally:
        faults.clear()
        await runner.cleanup()
