"""``esim-graph demo``: the simulated vendors and the gateway in one process."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from esim_graph.cli.examples import EXAMPLES
from esim_graph.config import (
    DigiSettings,
    EsimflySettings,
    EsimgoSettings,
    PollSettings,
    Settings,
    load_settings,
)
from esim_graph.sandbox import Options, Sandbox, serving
from esim_graph.server.serve import CannotListen, serve

_HOST = "127.0.0.1"


async def run_demo(options: Options, *, port: int, say: Callable[[str], None]) -> None:
    """Serve until told to stop.

    Raises:
        CannotListen: a port is taken.
        CannotOpenDatabase: the one that the setting names cannot be used.
    """
    async with AsyncExitStack() as stack:
        # The simulated vendors forget everything at the end; what a gateway kept of them would lie.
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="esim-graph-demo-")))
        try:
            sandbox = await stack.enter_async_context(serving(options, host=_HOST, port=options.port))
        except OSError as error:
            raise CannotListen(_HOST, options.port, error) from None
        await serve(
            _settings(sandbox, options.speed, folder / "demo.sqlite3"),
            host=_HOST,
            port=port,
            examples=EXAMPLES,
            started=lambda bound: say(_welcome(sandbox, bound, options.speed)),
        )


def _settings(sandbox: Sandbox, speed: float, file: Path) -> Settings:
    """The settings that point at the sandbox; it lives faster, and so do polling and rate limits."""
    chosen = "database_url" in load_settings().model_fields_set
    database = {} if chosen else {"database_url": f"sqlite:///{file}"}
    return load_settings(
        **database,
        digi={
            "base_url": sandbox.digi_url,
            "api_key_id": sandbox.credentials.digi_api_key_id,
            "api_key_secret": sandbox.credentials.digi_api_key_secret,
            "rate_limit": _rate(_default(DigiSettings, "rate_limit") * speed),
        },
        esimfly={
            "base_url": sandbox.esimfly_url,
            "access_code": sandbox.credentials.esimfly_access_code,
            "secret_key": sandbox.credentials.esimfly_secret_key,
            "rate_limit": _rate(_default(EsimflySettings, "rate_limit") * speed),
        },
        esimgo={
            "base_url": sandbox.esimgo_url,
            "api_key": sandbox.credentials.esimgo_api_key,
            "rate_limit": _rate(_default(EsimgoSettings, "rate_limit") * speed),
        },
        poll={
            "min_interval": _default(PollSettings, "min_interval") / speed,
            "max_interval": _default(PollSettings, "max_interval") / speed,
            "deadline": _default(PollSettings, "deadline") / speed,
        },
    )


def _rate(calls: float) -> int:
    return max(1, round(calls))  # 0 would be no limit


def _default(group: type, name: str) -> float:
    value = group.model_fields[name].default  # type: ignore[attr-defined]  # every group is a pydantic model
    return float(value)


def _welcome(sandbox: Sandbox, port: int, speed: float) -> str:
    gateway = f"http://{_HOST}:{port}"
    return "\n".join(
        (
            "",
            f"  GraphiQL          {gateway}/graphql      <- open this",
            f"  Schema            {gateway}/schema.graphql",
            f"  Health, metrics   {gateway}/health/ready  {gateway}/metrics",
            f"  Simulated vendors {sandbox.url}/control  ({speed:g} times faster than life)",
            "",
            "  Ctrl-C ends it.",
        )
    )
