"""Sends actions and operations to Digi, each once, and never without finding out what became of it.

A request is written down before it is sent, and settled by what Digi answers. Where no answer
came, Digi is asked what it made of it; nothing is sent again meanwhile (docs/actions.md).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from functools import partial

from esim_graph import requests
from esim_graph.clock import Clock, Deadline
from esim_graph.config import Settings
from esim_graph.database import Database
from esim_graph.dispatch.claims import Answered, Claimed, Errand, Pending, claim, write_joined
from esim_graph.dispatch.delivery import Delivery, not_known_yet
from esim_graph.dispatch.digests import Digests
from esim_graph.dispatch.guard import Relation
from esim_graph.dispatch.lookout import Lookout
from esim_graph.dispatch.outcome import Outcome
from esim_graph.domain.account import Account
from esim_graph.domain.operation import FollowedOperation, OperationRequest, follow_on
from esim_graph.domain.subject import State
from esim_graph.domain.transaction import ActionRequest, Transaction
from esim_graph.errors import UpstreamTimeout
from esim_graph.memory import Memory
from esim_graph.progress import Progress
from esim_graph.requests import Request, RequestState, Wanted
from esim_graph.telemetry import Metrics
from esim_graph.upstreams.digi.client import DigiClient

__all__ = ["Dispatch", "Outcome"]


async def _nothing_against_it(_: Deadline) -> None:
    """Nothing is to be asked before an action is sent."""


class Dispatch:
    """One tenant's. Requests run on when their caller leaves, and are sent by this door alone."""

    def __init__(
        self,
        account: Account,
        digi: DigiClient,
        memory: Memory,
        progress: Progress,
        database: Database,
        *,
        key: bytes,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
        call_seconds: float,
    ) -> None:
        self._account = account
        self._digi = digi
        self._database = database
        self._clock = clock
        self._digests = Digests(key)
        self._unknown_for = timedelta(seconds=settings.poll.deadline)
        self._lookout = Lookout(
            account, digi, memory, progress, database,
            settings=settings, clock=clock, metrics=metrics, call_seconds=call_seconds,
        )  # fmt: skip
        self._delivery = Delivery(
            account, self._lookout, memory, database,
            unknown_for=self._unknown_for, clock=clock, call_seconds=call_seconds,
        )  # fmt: skip
        self._tasks: set[asyncio.Task[Outcome[State]]] = set()

    async def start(self) -> None:
        """Begin to see to requests that were left without an answer."""
        await self._lookout.start()

    async def close(self) -> None:
        """Stop. What was sent and not answered is looked up by whoever starts next."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._lookout.close()

    async def act(
        self, request: ActionRequest, *, idempotency_key: str | None, force: bool, actor: str | None, deadline: Deadline
    ) -> Outcome[Transaction]:
        """Have an action done to a profile, unless it is being done.

        Raises:
            IdempotencyKeyReused: the key was given to another input.
            ConflictingOperation: what runs does not go together with it, and *force* is not given.
            UpstreamRefused: Digi refuses it, or did so under the same key.
            UpstreamError: ``retryable`` where it did not start; else nobody knows yet whether it did.
            DatabaseUnavailable: it could not be written down; ``retryable`` where nothing was sent.
        """
        wanted = Wanted(
            noun="transaction",
            action=request.action.value,
            eid=request.eid,
            iccid=request.iccid,
            code_digest=self._digests.of_code(request.activation_code),
        )

        async def send(until: Deadline) -> State:
            return await self._digi.act(request, deadline=until)

        errand = Errand(
            wanted=wanted,
            device_id=request.device_id,
            idempotency_key=idempotency_key,
            fingerprint=self._fingerprint(wanted, request.device_id, force),
            force=force,
            actor=actor,
            check=_nothing_against_it,
            send=send,
        )
        outcome = await self._run(errand, deadline)
        assert isinstance(outcome.value, Transaction)
        return Outcome(outcome.value, outcome.replayed)

    async def start_operation(
        self,
        request: OperationRequest,
        *,
        idempotency_key: str | None,
        force: bool,
        actor: str | None,
        deadline: Deadline,
        check: Callable[[Deadline], Awaitable[None]] = _nothing_against_it,
        acknowledged: Collection[str] = (),
    ) -> Outcome[FollowedOperation]:
        """Have a multistep operation started, unless it runs; see ``act``.

        *check* is asked right before it would be sent, and raises what speaks against it;
        *acknowledged* is part of the input that a key belongs to.
        """
        wanted = Wanted(
            noun="operation",
            action=request.kind.value,
            eid=request.eid,
            iccid=request.iccid,
            carrier=request.carrier,
        )

        async def send(until: Deadline) -> State:
            operation = await self._digi.start_operation(request, deadline=until)
            return follow_on(operation, {}, now=self._clock.now())

        errand = Errand(
            wanted=wanted,
            device_id=request.device_id,
            idempotency_key=idempotency_key,
            fingerprint=self._fingerprint(wanted, request.device_id, force, *sorted(set(acknowledged))),
            force=force,
            actor=actor,
            check=check,
            send=send,
        )
        outcome = await self._run(errand, deadline)
        assert isinstance(outcome.value, FollowedOperation)
        return Outcome(outcome.value, outcome.replayed)

    def _fingerprint(self, wanted: Wanted, device_id: str, force: bool, *acknowledged: str) -> str:
        return self._digests.of_input(
            self._account.digi, wanted.noun, wanted.action, device_id, wanted.eid, wanted.iccid, wanted.carrier,
            wanted.code_digest, "force" if force else None, *acknowledged,
        )  # fmt: skip

    async def _run(self, errand: Errand, deadline: Deadline) -> Outcome[State]:
        """Settle it in a task of ours: cut off in the middle, nobody would know what it did."""
        task = asyncio.create_task(self._settle(errand, deadline), name="carry out a request")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        outcome = await asyncio.shield(task)
        if outcome.replayed:
            self._lookout.count(errand.wanted.noun, "replayed")
        return outcome

    def _ended(self, task: "asyncio.Task[Outcome[State]]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, so that nobody is told of one whose caller has left

    async def _settle(self, errand: Errand, deadline: Deadline) -> Outcome[State]:
        certain: set[int] = set()  # the requests that did not start, and that Digi was asked about long enough since
        while True:
            claimed = await self._database.write(
                partial(
                    claim,
                    account=self._account,
                    errand=errand,
                    now=self._clock.now(),
                    owned_until=self._lookout.owned_until(),
                    unknown_for=self._unknown_for,
                    doubted_since=self._lookout.doubted_since(),
                    certain=certain,
                )
            )
            match claimed:
                case Claimed():
                    return await self._carry_out(errand, claimed, deadline)
                case Answered(state):
                    return Outcome(state, replayed=True)
                case Pending(request, relation):
                    if request.is_open:
                        found = await self._await(request, relation, deadline)
                    elif (found := await self._lookout.look_again(request, deadline=deadline)) is None:
                        certain.add(request.id)
                    if found is not None and relation is Relation.SAME:
                        return Outcome(await self._join(errand, request, found), replayed=True)

    async def _carry_out(self, errand: Errand, claimed: Claimed, deadline: Deadline) -> Outcome[State]:
        with self._lookout.seeing_to(claimed.request):
            try:
                return await self._delivery.carry_out(errand, claimed, deadline)
            except asyncio.CancelledError:
                await self._lookout.release(claimed.request)
                raise

    async def _await(self, request: Request, relation: Relation, deadline: Deadline) -> State | None:
        """Wait for another request's outcome: what it began, if Digi lists it, or None to judge anew."""
        if deadline.remaining() <= 0:
            if relation is Relation.SAME:
                raise not_known_yet(relation)
            raise UpstreamTimeout(
                "Another request for this device is still on its way to Digi; this one was not sent.", upstream="digi"
            )
        if request.state is RequestState.SENDING and request.owned_until > self._clock.now():
            await self._lookout.wait_for(request, deadline)
            return None
        if request.sent_at is None:  # its process ended before anything was sent
            await self._database.write(lambda connection: requests.forget_unsent(connection, self._account, request))
            return None
        state, looked = await self._lookout.look_often(request, self._lookout.pauses(deadline), deadline=deadline)
        if state is None:
            if not (looked and self._lookout.is_past(request)):
                raise not_known_yet(relation)
            await self._lookout.did_not_start(request)
        return state

    async def _join(self, errand: Errand, request: Request, state: State) -> State:
        """Answer with what was made of an earlier request, and keep that for the key."""
        if errand.idempotency_key == request.idempotency_key:
            return state
        now = self._clock.now()
        return await self._database.write(
            lambda connection: write_joined(connection, self._account, errand, state, now=now)
        )
