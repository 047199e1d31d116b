"""The command line: ``esim-graph demo | serve | sandbox | schema | migrate | doctor``.

Exit codes: 0 fine, 1 it ran and something is wrong, 2 the command line or a setting is wrong.
"""

import asyncio
import os
import sys
from collections.abc import Coroutine
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter
from cyclopts.validators import Number
from dotenv import dotenv_values

from esim_graph import __version__
from esim_graph.cli.demo import run_demo
from esim_graph.cli.doctor import run_doctor
from esim_graph.cli.examples import EXAMPLES
from esim_graph.cli.migrate import run_migrate
from esim_graph.config import PREFIX, SettingError, load_settings, unknown_variables
from esim_graph.database import CannotOpenDatabase
from esim_graph.errors import DatabaseUnavailable
from esim_graph.sandbox import OptionsError, read_options, run
from esim_graph.schema import print_sdl
from esim_graph.server.serve import CannotListen, check_bind, serve
from esim_graph.telemetry import configure_logging, logger

_PORTS = Number(gte=0, lte=65_535)

Port = Annotated[int, Parameter(help="Where the gateway listens; 0: any free port.", validator=_PORTS)]
# None where they are left out: ESIM_GRAPH_SANDBOX_PORT, _SPEED and _SEED come next, and then the defaults named.
SandboxPort = Annotated[
    int | None,
    Parameter(help="Where the simulated vendors listen; 0: any free. [default: 9000]", validator=_PORTS),
]
Speed = Annotated[float | None, Parameter(help="How many times faster than life the simulated vendors are.")]
Seed = Annotated[int | None, Parameter(help="Which simulated fleet. [default: 1]")]

_DEMO_SPEED = 60

app = App(
    name="esim-graph",
    version=__version__,
    help="One GraphQL graph about an eSIM over Digi Remote Manager, eSIMfly and eSIM Go.",
    help_epilogue="Settings are ESIM_GRAPH_… environment variables; docs/settings.md lists them.",
)


@app.command(name="demo")
def demo_command(*, port: Port = 8000, sandbox_port: SandboxPort = None, speed: Speed = None) -> int:
    """Run simulated vendors and the gateway together, 60 times faster than life; nothing else is needed."""
    if speed is None and not os.environ.get("ESIM_GRAPH_SANDBOX_SPEED"):
        speed = _DEMO_SPEED
    options = read_options(port=sandbox_port, speed=speed)
    configure_logging(load_settings().log_level)
    return _run(run_demo(options, port=port, say=_say))


@app.command(name="serve")
def serve_command(
    *, host: Annotated[str, Parameter(help="The address to listen on.")] = "127.0.0.1", port: Port = 8000
) -> int:
    """Run the gateway, configured by settings."""
    settings = load_settings()
    check_bind(settings, host)
    configure_logging(settings.log_level)
    if unknown := unknown_variables(dotenv_values().keys() | os.environ.keys()):
        logger().warning("unknown_settings", ignored=unknown)
    shown = f"[{host}]" if ":" in host else host

    def started(bound: int) -> None:
        _say(f"esim-graph on http://{shown}:{bound}/graphql")

    return _run(serve(settings, host=host, port=port, examples=EXAMPLES, started=started))


@app.command(name="sandbox")
def sandbox_command(*, port: SandboxPort = None, speed: Speed = None, seed: Seed = None) -> int:
    """Run the three simulated vendors alone."""
    options = read_options(port=port, speed=speed, seed=seed)
    try:
        return _run(run(options, announce=lambda lines: _say("\n".join(lines))))
    except OSError as error:
        raise CannotListen("127.0.0.1", options.port, error) from None


@app.command(name="schema")
def schema_command() -> int:
    """Print the graph's schema as SDL."""
    sys.stdout.write(print_sdl())
    return 0


@app.command(name="migrate")
def migrate_command() -> int:
    """Bring the database to the newest schema; a SQLite file is also migrated when serve starts."""
    settings = load_settings()
    configure_logging(settings.log_level)
    return _run(run_migrate(settings, say=_say))


@app.command(name="doctor")
def doctor_command() -> int:
    """Check settings, credentials, the clock and the database, and say what to fix."""
    settings = load_settings()
    configure_logging("error")  # what is wrong is said by the findings
    return _run(run_doctor(settings, unknown_variables(dotenv_values().keys() | os.environ.keys()), say=_say))


def main(arguments: list[str] | None = None) -> None:
    """The program: parse, run, exit."""
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        _complain(" ".join(str(error).split()))
        code = 2
    except (SettingError, OptionsError) as error:
        _complain(str(error))
        code = 2
    except CannotOpenDatabase as error:
        _complain(f"{PREFIX}DATABASE_URL: {error}")
        code = 1
    except DatabaseUnavailable as error:  # it went away while we started
        _complain(error.message)
        code = 1
    except CannotListen as error:
        _complain(str(error))
        code = 1
    except KeyboardInterrupt:
        code = 0
    raise SystemExit(code or 0)


def _run(program: Coroutine[Any, Any, int | None]) -> int:
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(program) or 0


def _loop_factory() -> Any:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _complain(text: str) -> None:
    sys.stderr.write(f"esim-graph: {text}\n")
