"""``python -m esim_graph.sandbox [--port 9000] [--speed 1] [--seed 1]``.

Options also come from the environment (``ESIM_GRAPH_SANDBOX_PORT``, ``_SPEED``, ``_SEED``, ``_DEVICES``,
``_SWITCHES__DIGI__SINGLE_GET`` …); the command line wins. Exit code 2 and one line when one is wrong.
"""

import argparse
import asyncio
import sys

from esim_graph.sandbox.options import OptionsError, read_options
from esim_graph.sandbox.running import run


def main(arguments: list[str] | None = None) -> int:
    """Run the sandbox and return the exit code: 0 stopped, 1 the port is taken, 2 a setting is wrong."""
    parser = argparse.ArgumentParser(prog="python -m esim_graph.sandbox", description="Three simulated vendors.")
    parser.add_argument("--port", help="where to listen on 127.0.0.1 (9000; 0 takes a free port)")
    parser.add_argument("--speed", help="simulated seconds in a real one (1)")
    parser.add_argument("--seed", help="which fleet (1)")
    parser.add_argument("--devices", help="how many devices (2000)")
    given = parser.parse_args(arguments)
    try:
        options = read_options(port=given.port, speed=given.speed, seed=given.seed, devices=given.devices)
    except OptionsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        asyncio.run(run(options, announce=_print))
    except OSError as error:
        sys.stderr.write(f"cannot listen on port {options.port}: {error.strerror or error}\n")
        return 1
    return 0


def _print(lines: list[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
