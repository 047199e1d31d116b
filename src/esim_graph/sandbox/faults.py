"""Scripts of misbehaviour: which calls go wrong, how, and how often.

All durations of a fault are real seconds: ``speed`` does not divide them, so a test says exactly
how long a vendor is slow.
"""

import asyncio
import itertools
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from esim_graph.sandbox.calls import Call

Kind = Literal[
    "latency",  # wait ``seconds`` (up to ``up_to``, drawn evenly), then answer as usual
    "late",  # carry the request out at once, and answer only after ``seconds`` (up to ``up_to``)
    "hold",  # wait until ``faults.release()``, then answer as usual
    "status",  # answer ``status`` in the vendor's error form; ``retry_after`` and ``headers`` may be added
    "html",  # an HTML page, with 200 unless ``status`` says otherwise
    "wrong_shape",  # valid JSON that is nothing like the answer
    "wrong_types",  # the real answer with every scalar of another type
    "invalid_json",  # the real answer without its last character
    "cut_body",  # half of the real answer, then the connection closes
    "drip",  # the real answer, ``chunk`` bytes every ``seconds``
    "huge",  # ``size`` bytes of valid JSON
    "empty",  # 204 without a body
    "reset_before",  # the connection is reset, nothing was done
    "reset_after",  # the request is carried out, then the connection is reset
]
DELAYS: tuple[Kind, ...] = ("latency", "late", "hold")


class Fault(BaseModel):
    """One scripted fault. ``vendor`` or ``endpoint`` left out means any; ``times`` left out, forever."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    kind: Kind
    vendor: Literal["digi", "esimfly", "esimgo"] | None = None
    endpoint: str | None = None
    only: str | None = None
    """Strike only calls whose path, query or body contain this text: an ICCID, a transaction id."""
    times: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(ge=0)] = 0.05
    up_to: Annotated[float, Field(ge=0)] | None = None
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    retry_after: str | int | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    body: str | None = None
    content_type: str = "application/json"
    chunk: Annotated[int, Field(ge=1)] = 1
    size: Annotated[int, Field(ge=1)] = 64 * 2**20
    id: int = 0
    struck: int = 0

    @model_validator(mode="after")
    def _status_given(self) -> "Fault":
        if self.kind == "status" and self.status is None:
            raise ValueError("a fault of kind 'status' needs a status")
        return self

    def strikes(self, call: Call) -> bool:
        """Return whether this fault is for *call* and has not struck its ``times`` yet."""
        return (
            self.vendor in (None, call.vendor)
            and self.endpoint in (None, call.endpoint)
            and (self.times is None or self.struck < self.times)
            and (self.only is None or call.mentions(self.only))
        )


class Faults:
    """The faults scripted now.

    Each call meets every delay that is for it, then the first other fault that is for it, in the
    order they were added. Faults strike calls that passed the vendor's door: a 401 or a 429 of the
    sandbox's own uses none up.
    """

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)
        self._gate = asyncio.Event()

    def add(self, fault: Fault) -> Fault:
        """Script *fault* and return it with its ``id``."""
        fault.id = next(self._ids)
        self._faults.append(fault)
        return fault

    def latency(self, seconds: float, vendor: str | None = None, endpoint: str | None = None, **more: object) -> Fault:
        """Script every matching call to take *seconds* longer (``up_to=`` draws from a range)."""
        return self.script("latency", vendor, endpoint, seconds=seconds, **more)

    def status(self, status: int, vendor: str | None = None, endpoint: str | None = None, **more: object) -> Fault:
        """Script matching calls to be answered *status* (``retry_after=``, ``times=``, ``only=`` …)."""
        return self.script("status", vendor, endpoint, status=status, **more)

    def script(self, kind: Kind, vendor: str | None = None, endpoint: str | None = None, **more: object) -> Fault:
        """Script any kind of fault; *more* are fields of :class:`Fault`.

        Example:
            ``sandbox.faults.script("reset_after", "digi", "enable", times=1)``
        """
        return self.add(Fault.model_validate({"kind": kind, "vendor": vendor, "endpoint": endpoint, **more}))

    def all(self) -> list[Fault]:
        """Return the scripted faults, oldest first."""
        return list(self._faults)

    def remove(self, fault_id: int) -> bool:
        """Remove one fault; False when there is none with that id."""
        before = len(self._faults)
        self._faults = [fault for fault in self._faults if fault.id != fault_id]
        return len(self._faults) < before

    def clear(self) -> None:
        """Remove every fault and let held calls go on."""
        self._faults.clear()
        self.release()

    def release(self) -> None:
        """Let the calls go on that a ``hold`` keeps waiting; later calls are held again."""
        gate, self._gate = self._gate, asyncio.Event()
        gate.set()

    async def held(self) -> None:
        """Wait for the next :meth:`release`."""
        await self._gate.wait()

    def for_call(self, call: Call) -> tuple[list[Fault], Fault | None]:
        """Return the delays and the one other fault *call* meets, and count them as struck."""
        meeting = [fault for fault in self._faults if fault.strikes(call)]
        delays = [fault for fault in meeting if fault.kind in DELAYS]
        spoiler = next((fault for fault in meeting if fault.kind not in DELAYS), None)
        for fault in (*delays, *([spoiler] if spoiler else [])):
            fault.struck += 1
        return delays, spoiler
