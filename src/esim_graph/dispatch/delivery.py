"""One request on its way to Digi: asked for once, sent once, and looked up where no answer came."""

import itertools
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph import requests
from esim_graph.clock import Clock, Deadline
from esim_graph.database import Database
from esim_graph.dispatch.claims import Claimed, Errand
from esim_graph.dispatch.guard import Relation, judge, running_of
from esim_graph.dispatch.lookout import Lookout
from esim_graph.dispatch.outcome import Outcome
from esim_graph.domain.account import Account
from esim_graph.domain.subject import Noun, State, action_of, noun_of
from esim_graph.errors import (
    ConflictingOperation,
    DatabaseUnavailable,
    GatewayError,
    UpstreamBadResponse,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from esim_graph.memory import Memory
from esim_graph.requests import Request, RequestState
from esim_graph.telemetry import logger

# The time that is left is divided so that there is some to look the request up when its answer does not come.
_ASK_SHARE = 0.4  # to ask what runs
_SEND_SHARE = 0.55  # of the rest, to send
_LEAST_SHARE = 0.2  # of a call's time, without which nothing is begun


class Delivery:
    """One tenant's."""

    def __init__(
        self,
        account: Account,
        lookout: Lookout,
        memory: Memory,
        database: Database,
        *,
        unknown_for: timedelta,
        clock: Clock,
        call_seconds: float,
    ) -> None:
        self._account = account
        self._lookout = lookout
        self._memory = memory
        self._database = database
        self._unknown_for = unknown_for
        self._clock = clock
        self._call_seconds = call_seconds

    async def carry_out(self, errand: Errand, claimed: Claimed, deadline: Deadline) -> Outcome[State]:
        """Send what was claimed, unless Digi's own list says that it runs or that something opposed does."""
        request = claimed.request
        try:
            if deadline.remaining() < self._call_seconds * _LEAST_SHARE:
                raise _no_time()
            asking = _share(deadline, _ASK_SHARE)
            await errand.check(asking)
            listed = await self._lookout.newest(errand.wanted.noun, errand.device_id, deadline=asking)
            joined = None if errand.force else await self._join(errand, claimed, listed)
            if joined is not None:
                return Outcome(joined, replayed=True)
            sent = await self._mark_sent(request, listed)
        except GatewayError:
            await self._forget(request)
            raise
        try:
            return Outcome(await self._send(errand, sent, deadline), replayed=False)
        except DatabaseUnavailable as error:
            error.retryable = False  # it was sent; what became of it is found out, and is not known now
            raise

    async def _join(self, errand: Errand, claimed: Claimed, listed: Sequence[State]) -> State | None:
        """What runs and is the same, which is followed from now on whoever began it.

        Raises:
            ConflictingOperation: what runs does not go together with it.
        """
        known = {(one.noun, one.vendor_id): one for one in claimed.known}
        states: dict[tuple[Noun, str], State] = {name: one.state for name, one in known.items()}
        states |= {(noun_of(state), state.vendor_id): state for state in listed}  # what Digi says now
        judged = judge(
            errand.wanted,
            running_of(
                [(state, known[name].began_at if name in known else None) for name, state in states.items()],
                now=self._clock.now(),
                unknown_for=self._unknown_for,
                code_digests=claimed.code_digests,
            ),
        )
        if judged is None:
            return None
        relation, running = judged
        if relation is Relation.OPPOSED:
            self._lookout.count(errand.wanted.noun, "conflicting")
            subject = known.get((noun_of(running.state), running.state.vendor_id))
            state = running.state if subject is None else subject.state
            raise ConflictingOperation(_in_the_way(state), running=state)
        request = claimed.request

        async def join(connection: AsyncConnection) -> State:
            if request.idempotency_key is None:
                await requests.forget(connection, self._account, request)
            else:
                await requests.settle(
                    connection, self._account, request, RequestState.JOINED, vendor_id=running.state.vendor_id
                )
            return await self._lookout.begin(connection, running.state, actor=None)

        state = await self._database.write(join)
        await self._lookout.took_up(state)
        return state

    async def _mark_sent(self, request: Request, listed: Sequence[State]) -> Request:
        now, seen = self._clock.now(), [state.vendor_id for state in listed]
        sent = await self._database.write(
            lambda connection: requests.mark_sent(connection, self._account, request, seen=seen, now=now)
        )
        if sent is None:  # this took so long that somebody else saw to what was left over
            raise _no_time()
        return sent

    async def _send(self, errand: Errand, request: Request, deadline: Deadline) -> State:
        noun, action = request.wanted.noun, request.wanted.action
        logger().info("request_sent", noun=noun, action=action)
        try:
            state = await errand.send(_share(deadline, _SEND_SHARE))
        except UpstreamRefused as refused:
            await self._refused(request, refused.message)
            raise
        except (UpstreamUnavailable, UpstreamTimeout, UpstreamBadResponse) as error:
            if not error.retryable:
                return await self._look_after(request, error, deadline)
            await self._forget(request)
            raise
        except UpstreamError:  # what Digi answers before it does anything: our credentials, its limits
            await self._forget(request)
            raise
        return await self._accept(request, state)

    async def _accept(self, request: Request, state: State) -> State:
        async def accept(connection: AsyncConnection) -> State:
            await requests.accept(connection, self._account, request, state.vendor_id)
            return await self._lookout.begin(connection, state, actor=request.actor)

        try:
            begun = await self._database.write(accept)
        except DatabaseUnavailable as error:
            raise DatabaseUnavailable(
                f"Digi took it up as the {noun_of(state)} {state.vendor_id}, and that could not be written down here."
            ) from error
        await self._lookout.took_up(begun)
        self._lookout.count(request.wanted.noun, "accepted")
        logger().info(
            "request_accepted", noun=request.wanted.noun, action=request.wanted.action, vendor_id=begun.vendor_id
        )
        return begun

    async def _refused(self, request: Request, refusal: str) -> None:
        self._lookout.count(request.wanted.noun, "refused")
        if request.idempotency_key is None:
            await self._forget(request)
            return
        with suppress(DatabaseUnavailable):  # the refusal is what the caller is to hear of
            await self._database.write(
                lambda connection: requests.settle(
                    connection, self._account, request, RequestState.REFUSED, refusal=refusal
                )
            )

    async def _forget(self, request: Request) -> None:
        """It was not sent, or not heard: as if it had never been asked for."""
        with suppress(DatabaseUnavailable):  # what nobody sees to is cleared away later
            await self._database.write(lambda connection: requests.forget(connection, self._account, request))

    async def _look_after(self, request: Request, error: UpstreamError, deadline: Deadline) -> State:
        """Find out what Digi made of what it did not answer.

        Raises:
            UpstreamError: it did not start, and is ``retryable``; or nobody knows yet, and it is not.
        """
        noun, iccid = request.wanted.noun, request.wanted.iccid
        logger().warning("request_unanswered", noun=noun, action=request.wanted.action, code=error.code)
        until = self._lookout.owned_until()
        with suppress(DatabaseUnavailable):  # it is ours all the same until the time it was claimed for is over
            await self._database.write(
                lambda connection: requests.mark_unknown(connection, self._account, request, owned_until=until)
            )
        if iccid is not None:
            await self._memory.forget(iccid)
        first = self._lookout.pauses(deadline)
        pauses: Iterable[float] = first
        if isinstance(error, UpstreamTimeout):  # Digi may still be at it
            pauses = itertools.chain(first, itertools.repeat(first[-1]))
        found, looked = await self._lookout.look_often(request, pauses, deadline=deadline)
        if found is not None:
            return found
        # Behind a broken connection, and behind a failure of its own, Digi has begun it by now or never will. Behind a
        # success that cannot be read it is likely to have begun it, and its list to lag.
        if isinstance(error, UpstreamUnavailable) and looked and await self._lookout.did_not_start(request):
            raise type(error)(
                "Digi broke off before it answered; it was asked since, and the action did not start. "
                "It may be tried again.",
                upstream="digi",
                retryable=True,
            )
        self._lookout.count(noun, "unknown")
        with suppress(DatabaseUnavailable):
            await self._lookout.leave(request, seconds=0.0)
        raise type(error)(_NOT_KNOWN_YET, upstream="digi", retryable=False)


_NOT_KNOWN_YET = (
    "Digi has not answered, and lists no such transaction or operation so far. The gateway goes on looking, and sends "
    "nothing again. Asking for the same once more, best with the same idempotencyKey, tells what became of it."
)


def not_known_yet(relation: Relation) -> GatewayError:
    """The answer to what must wait until it is known what became of an earlier request."""
    if relation is Relation.SAME:
        return UpstreamTimeout(_NOT_KNOWN_YET, upstream="digi", retryable=False)
    return ConflictingOperation(
        "An earlier request for this profile does not go together with this one, and it is not known yet whether "
        "Digi began it. The gateway goes on looking; force sends this one regardless."
    )


def _in_the_way(state: State) -> str:
    what = action_of(state) or "unknown"
    return (
        f"The {noun_of(state)} {state.vendor_id} ({what.upper()}) runs on this device and does not go together with "
        "this. Wait for its end; force sends this one regardless."
    )


def _no_time() -> UpstreamTimeout:
    return UpstreamTimeout("There was no time left to ask Digi; nothing was sent.", upstream="digi")


def _share(deadline: Deadline, share: float) -> Deadline:
    return Deadline.after(deadline.remaining() * share, deadline.clock)
