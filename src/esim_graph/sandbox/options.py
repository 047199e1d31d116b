"""How one sandbox is opened: port, speed, seed, size, switches, clock; also from the environment."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from esim_graph.sandbox.switches import Switches

PREFIX = "ESIM_GRAPH_SANDBOX_"
DEFAULT_PORT = 9000


class OptionsError(Exception):
    """A setting is wrong; the message is one line that names it and what is allowed."""


class Options(BaseModel):
    """What a sandbox is like."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    port: Annotated[int, Field(ge=0, le=65_535)] = DEFAULT_PORT
    """Where it listens on 127.0.0.1; 0 takes a free port."""
    speed: Annotated[float, Field(gt=0, le=100_000)] = 1.0
    """Simulated seconds in a real one. It divides durations and throttle windows; timestamps and the
    HMAC window stay on the wall clock."""
    seed: int = 1
    """Which fleet; the landmarks are the same for every seed."""
    devices: Annotated[int, Field(ge=0, le=200_000)] = 2000
    """How many devices beside the landmarks; below 2,000 codes and past shrink too, to a tenth at least."""
    switches: Switches = Field(default_factory=Switches)
    """What the vendors' pages leave open."""


class _Environment(BaseSettings, Options):
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="ignore")


def read_options(**given: str | float | None) -> Options:
    """Read the options: *given* ones (a command line's; None is not given) over the environment's.

    Raises:
        OptionsError: a value is wrong.
    """
    try:
        chosen = {name: value for name, value in given.items() if value is not None}
        settings = _Environment(**chosen)  # type: ignore[arg-type]  # pydantic judges the values
    except SettingsError as error:  # a nested variable that is no JSON
        raise OptionsError(f"{PREFIX}SWITCHES: {error}") from error
    except ValidationError as error:
        raise OptionsError(_explain(error)) from error
    return Options.model_validate(settings.model_dump())


def _explain(error: ValidationError) -> str:
    problem = error.errors()[0]
    name = PREFIX + "__".join(str(part) for part in problem["loc"]).upper()
    return f"{name}: {problem['msg']}, got {str(problem['input'])[:40]!r}"
