"""What a look found, made a state and written down: with its event, and its line in the journal."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph import subjects
from esim_graph.clock import Clock, Deadline
from esim_graph.config import PollSettings
from esim_graph.database import Database
from esim_graph.domain import reports
from esim_graph.domain.account import Account
from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.operation import FollowedOperation, Operation, follow_on
from esim_graph.domain.profile import Profile
from esim_graph.domain.status_change import Report
from esim_graph.domain.subject import State
from esim_graph.domain.transaction import Transaction
from esim_graph.errors import NotFound, UpstreamError
from esim_graph.events import Feed
from esim_graph.journal import Journal
from esim_graph.memory import Memory
from esim_graph.progress import leases, verification
from esim_graph.progress.estimates import seconds_of
from esim_graph.progress.gathering import Gathering
from esim_graph.progress.neighbours import Neighbours
from esim_graph.progress.pace import Rest
from esim_graph.subjects import Known, Name, key_of
from esim_graph.upstreams.digi import DigiClient

Found = Transaction | Operation  #: what Digi says of a subject


class Recorder:
    """Turns what Digi says into states, and writes those that are new."""

    def __init__(
        self,
        account: Account,
        digi: DigiClient,
        memory: Memory,
        journal: Journal,
        database: Database,
        feed: Feed[State],
        *,
        holder: str,
        lease: float,
        rest: Rest,
        settings: PollSettings,
        clock: Clock,
        call_seconds: float,
    ) -> None:
        self.holder = holder
        self._account = account
        self._digi = digi
        self._memory = memory
        self._journal = journal
        self._database = database
        self._feed = feed
        self._lease = lease
        self._rest = rest
        self._settings = settings
        self._clock = clock
        self._call_seconds = call_seconds
        self._neighbours = Neighbours(
            digi, memory, journal, rest=rest, clock=clock, call_seconds=call_seconds
        )  # fmt: skip
        self._inventory: Gathering[Iccid, Profile] = Gathering(self._read_profiles, name="inventory")

    def lease_until(self, now: datetime) -> datetime:
        """Until when a claim made now is good."""
        return now + timedelta(seconds=self._lease)

    def follow_until(self, now: datetime) -> datetime:
        """Until when something that begins now is followed."""
        return now + timedelta(seconds=self._settings.deadline)

    async def first_look(self, name: Name, before: Known | None) -> Known:
        """Ask Digi for a subject that nobody follows, and take it up.

        Raises:
            NotFound: neither Digi nor we know it.
            UpstreamError, DatabaseUnavailable: it cannot be told.
        """
        found = await self._ask(name)
        if found is None:
            if before is None:
                raise NotFound(f"Digi does not know the {key_of(name)}.")
            return before
        if before is None:
            return await self.begin(found)
        now = self._clock.now()
        taken = await self._database.write(
            lambda connection: leases.take(
                connection, self._account, name, holder=self.holder, now=now,
                held_until=self.lease_until(now), follow_until=self.follow_until(now),
            )
        )  # fmt: skip
        changed = None if taken is None else await self.take_in(taken, found)
        return changed or await self._written(name) or before

    async def begin(self, found: Found) -> Known:
        """Follow what somebody else began; one that is followed already stays as it is."""
        now = self._clock.now()
        follow_until = self.follow_until(now)
        state = await self._state(None, found, follow_until)
        await self._forget(state)

        async def write(connection: AsyncConnection) -> Known:
            begun = await subjects.begin(
                connection, self._account, state, actor=None, now=now, follow_until=follow_until,
                holder=self.holder, held_until=self.lease_until(now),
                seconds=seconds_of(state, began_at=now, now=now),
            )  # fmt: skip
            await self._journal.record(connection, _reports(None, state, actor=begun.actor, seen_at=now))
            return begun

        begun = await self._database.write(write)
        self._wake()
        return begun

    async def take_in(self, subject: Known, found: Found) -> Known | None:
        """Write what a look found, if it is new; None if *subject* is not what its row says any more.

        Raises:
            DatabaseUnavailable: nobody knows whether it is written.
        """
        state = await self._state(subject.state, found, subject.follow_until)
        if state == subject.state:
            return replace(subject, state=state)
        now = self._clock.now()
        await self._forget(state)

        async def write(connection: AsyncConnection) -> Known | None:
            changed = await subjects.change(
                connection, self._account, subject, state, now=now,
                seconds=seconds_of(state, began_at=subject.began_at, now=now),
            )  # fmt: skip
            if changed is not None:
                news = _reports(subject.state, state, actor=subject.actor, seen_at=now)
                await self._journal.record(connection, news)
            return changed

        changed = await self._database.write(write)
        self._wake()
        if changed is not None and state.device_id is not None and verification.has_enabled(state):
            self._neighbours.see(state.device_id)
        return changed

    async def close(self) -> None:
        """Stop asking."""
        await self._neighbours.close()
        await self._inventory.close()

    async def _ask(self, name: Name) -> Found | None:
        noun, vendor_id = name
        deadline = Deadline.after(self._call_seconds, self._clock)
        try:
            if noun == "operation":
                return await self._digi.operation(vendor_id, deadline=deadline)
            return await self._digi.transaction_progress(vendor_id, deadline=deadline)
        except UpstreamError as error:
            self._rest.note(error, self._clock.monotonic())
            raise

    async def _written(self, name: Name) -> Known | None:
        noun, vendor_id = name
        async with self._database.read() as connection:
            return (await subjects.known(connection, self._account, noun, [vendor_id])).get(vendor_id)

    def _wake(self) -> None:
        self._feed.wake()
        self._journal.wake()

    async def _forget(self, state: State) -> None:
        if state.is_terminal and state.iccid is not None:
            # First, so that whoever asks because of this event gets the new profile.
            await self._memory.forget(state.iccid)

    async def _state(self, before: State | None, found: Found, follow_until: datetime) -> State:
        now = self._clock.now()
        if isinstance(found, Operation):
            return follow_on(found, before.seen if isinstance(before, FollowedOperation) else {}, now=now)
        found = verification.looked_at(before if isinstance(before, Transaction) else None, found, now=now)
        if not verification.awaits_verification(found):
            return found
        until = verification.verify_until(
            found, follow_seconds=self._settings.deadline, follow_until=follow_until, now=now
        )
        return verification.judged(found, shown=await self._is_shown(found), late=now >= until)

    async def _is_shown(self, transaction: Transaction) -> bool:
        if transaction.iccid is None:
            return False
        try:
            profile = await self._inventory.get(transaction.iccid)
        except UpstreamError as error:
            self._rest.note(error, self._clock.monotonic())  # that it is complete is worth telling all the same
            return False
        return verification.shows(profile, transaction)

    async def _read_profiles(self, iccids: Sequence[Iccid]) -> Mapping[Iccid, Profile]:
        """Past what is remembered: that may be from before."""
        asked_at = self._clock.now()
        found = await self._digi.profiles_by_iccid(iccids, deadline=Deadline.after(self._call_seconds, self._clock))
        seen = [reports.of_profile(profile, asked_at) for profile in found.values()]
        absent = [reports.of_absent_profile(iccid, asked_at) for iccid in iccids if iccid not in found]
        self._journal.observe([report for report in (*seen, *absent) if report is not None])
        return found


def _reports(before: State | None, after: State, *, actor: str | None, seen_at: datetime) -> list[Report]:
    if isinstance(after, Transaction):
        earlier = before if isinstance(before, Transaction) else None
        return reports.of_transaction(earlier, after, actor=actor, seen_at=seen_at)
    followed = before if isinstance(before, FollowedOperation) else None
    return reports.of_operation(followed, after, actor=actor, seen_at=seen_at)
