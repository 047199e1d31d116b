"""The sandbox as a program: what it prints, and serving until it is told to stop."""

import asyncio
import signal
from collections.abc import Callable

from esim_graph.sandbox import landmarks
from esim_graph.sandbox.app import Sandbox, serving
from esim_graph.sandbox.options import Options


def printed_lines(sandbox: Sandbox) -> list[str]:
    """Return what a person needs: the addresses, and the settings that point a gateway here."""
    time = sandbox.world.time
    return [
        f"sandbox vendors on {sandbox.url} (speed {time.speed:g}, {len(sandbox.world.devices)} devices)",
        f"  Digi      {sandbox.digi_url}",
        f"  eSIMfly   {sandbox.esimfly_url}",
        f"  eSIM Go   {sandbox.esimgo_url}",
        f"  control   {sandbox.url}/control",
        f"  try       ICCID {landmarks.KNOWN_TO_ALL.iccid}, known to all three",
        *(f"{name}={value}" for name, value in sandbox.settings().items()),
    ]


async def run(options: Options, *, announce: Callable[[list[str]], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM, or until cancelled.

    Args:
        options: its ``port`` is where to listen.
        announce: called once with :func:`printed_lines` when the sandbox answers.

    Raises:
        OSError: the port is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    async with serving(options, port=options.port) as sandbox:
        for number in signals:
            loop.add_signal_handler(number, stop.set)
        try:
            if announce is not None:
                announce(printed_lines(sandbox))
            await stop.wait()
        finally:
            for number in signals:
                loop.remove_signal_handler(number)
