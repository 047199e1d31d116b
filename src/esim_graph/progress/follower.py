"""The loops behind every watch: holding on to what this process follows, and looking when it is time."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from esim_graph import subjects
from esim_graph.clock import Clock
from esim_graph.config import PollSettings
from esim_graph.database import Database
from esim_graph.domain.account import Account
from esim_graph.domain.subject import Noun, State, action_of, carrier_of
from esim_graph.domain.transaction import Transaction
from esim_graph.errors import DatabaseUnavailable, UpstreamError
from esim_graph.events import Feed
from esim_graph.progress import leases, pace, verification
from esim_graph.progress.bell import wait_for
from esim_graph.progress.estimates import Durations, begun_at, typical
from esim_graph.progress.held import Held
from esim_graph.progress.leases import Renewed
from esim_graph.progress.pace import Rest
from esim_graph.progress.questions import Ask, Questions, as_they_are
from esim_graph.progress.recording import Found, Recorder
from esim_graph.subjects import Known, Name, name_of
from esim_graph.telemetry import Metrics, logger
from esim_graph.upstreams.digi import DigiClient

_MAX_HELD = 10_000  # by one process
_CHECKED_AT_ONCE = 20  # transactions that Digi is made to check; the others are read from its list
_BEATS = 3  # in the time that a lease lasts


class Follower:
    """Follows every unfinished subject that no other replica follows."""

    def __init__(
        self,
        account: Account,
        digi: DigiClient,
        recorder: Recorder,
        database: Database,
        feed: Feed[State],
        durations: Durations,
        *,
        lease: float,
        rest: Rest,
        settings: PollSettings,
        clock: Clock,
        metrics: Metrics,
        call_seconds: float,
    ) -> None:
        self._account = account
        self._questions = Questions(digi, clock=clock, call_seconds=call_seconds)
        self._recorder = recorder
        self._database = database
        self._feed = feed
        self._durations = durations
        self._lease = lease
        self._rest = rest
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._held: dict[Name, Held] = {}
        self._unread: set[Name] = set()  # written by others in our name; their rows are to be read
        self._newly_watched: set[Name] = set()
        self._look_bell = asyncio.Event()
        self._beat_bell = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        self._looks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Take up what is unfinished, and look from now on."""
        self._loops = [
            asyncio.create_task(self._beat_on(), name="follower leases"),
            asyncio.create_task(self._look_on(), name="follower looks"),
        ]

    async def close(self) -> None:
        """Stop looking, and let go of everything, so that another replica takes over at once."""
        tasks = [*self._loops, *self._looks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._loops = []
        for held in list(self._held.values()):
            self._drop(held)
        with suppress(DatabaseUnavailable):  # then the leases end by themselves
            await self._database.write(
                lambda connection: leases.release(connection, self._account, holder=self._recorder.holder)
            )

    def took_up(self, noun: Noun, vendor_id: str) -> None:
        """A subject was begun by somebody in this process, in this follower's name."""
        self._unread.add((noun, vendor_id))
        self._look_bell.set()
        self._feed.wake()

    def hold(self, subject: Known, *, at_once: bool) -> None:
        """Follow a subject from now on, if it is ours; *at_once* looks at it now."""
        name = subject.name
        held_until = subject.held_until
        if subject.holder != self._recorder.holder or subject.ended_at is not None or held_until is None:
            return
        if (known := self._held.get(name)) is not None:
            if (known.subject.fence, known.subject.sequence) >= (subject.fence, subject.sequence):
                return
            self._drop(known)
        if len(self._held) >= _MAX_HELD:
            return  # its lease ends, and whoever has room takes it up
        shortest = self._settings.min_interval
        self._held[name] = Held(
            subject=subject,
            held_until=held_until,
            follow_until=subject.follow_until,
            watched_until=subject.watched_until,
            interval=shortest if at_once else pace.grown(shortest, self._settings),
            due=self._clock.monotonic() + (0.0 if at_once else shortest),
        )
        self._metrics.followed.inc()
        self._look_bell.set()

    def is_watched_now(self, name: Name, *, first: bool) -> None:
        """Somebody in this process begins to watch a subject: it is followed for longer.

        For the *first* one it is looked at soon; more of them are no reason to look more often.
        """
        self._newly_watched.add(name)
        held = self._held.get(name)
        if held is None or not first:
            return
        soon = self._clock.monotonic() + self._settings.min_interval
        if not held.busy and held.due > soon:
            held.due, held.interval = soon, self._settings.min_interval
            self._look_bell.set()

    def beat_soon(self) -> None:
        """Do not wait with telling the other replicas what is watched here."""
        self._beat_bell.set()

    async def _beat_on(self) -> None:
        while True:
            self._beat_bell.clear()
            try:
                await self._beat()
            except DatabaseUnavailable:
                logger().warning("leases_not_renewed")  # what we hold is not looked at when they have ended
            except Exception:
                logger().exception("leases_not_renewed")
            await wait_for(self._beat_bell, self._lease / _BEATS, self._clock, name="follower rests")

    async def _beat(self) -> None:
        """Renew, tell what is watched here, and take up what nobody follows."""
        now = self._clock.now()
        held_until = self._recorder.lease_until(now)
        await self._renew(now, held_until)  # first and by itself: whatever a free row holds, ours are kept
        async with self._database.read() as connection:
            is_free = await leases.is_anything_free(connection, self._account, now=now)
        if is_free and (room := _MAX_HELD - len(self._held)) > 0:
            claimed = await self._database.write(
                lambda connection: leases.claim(
                    connection, self._account, holder=self._recorder.holder, now=now, held_until=held_until, limit=room
                )
            )
            for subject in claimed:
                self.hold(subject, at_once=True)

    async def _renew(self, now: datetime, held_until: datetime) -> None:
        newly, checked, before = set(self._newly_watched), set(self._questions.checked), set(self._held)
        elsewhere = {name for name in map(name_of, self._feed.watched()) if name not in self._held} - newly
        if not (newly or checked or before or elsewhere):
            return
        holder, account, follow_until = self._recorder.holder, self._account, self._recorder.follow_until(now)

        async def write(connection: AsyncConnection) -> dict[Name, Renewed]:
            await leases.show_interest(connection, account, elsewhere, watched_until=held_until)
            await leases.show_interest(connection, account, newly, watched_until=held_until, follow_until=follow_until)
            await leases.note_checks(connection, account, checked, at=now)
            return await leases.renew(connection, account, holder=holder, held_until=held_until)

        ours = await self._database.write(write)
        self._newly_watched -= newly
        self._questions.checked -= checked
        for name in before - ours.keys():
            if (lost := self._held.get(name)) is not None:
                self._drop(lost)
        news = [name for name, row in ours.items() if not self._prolong(name, row, held_until)]
        room = max(_MAX_HELD - len(self._held), 0)
        self._look_bell.set()
        await self._hold_written(news[:room])
        await self._release(news[room:])

    def _prolong(self, name: Name, row: Renewed, held_until: datetime) -> bool:
        """Hold on to a subject; False if its row is to be read first."""
        held = self._held.get(name)
        if held is None:
            return False
        held.held_until, held.follow_until, held.watched_until = held_until, row.follow_until, row.watched_until
        return held.busy or held.subject.sequence >= row.sequence

    async def _hold_written(self, names: Iterable[Name]) -> None:
        """Read the rows of what others wrote in our name."""
        by_noun: dict[Noun, list[str]] = {}
        for noun, vendor_id in names:
            by_noun.setdefault(noun, []).append(vendor_id)
        if not by_noun:
            return
        async with self._database.read() as connection:
            for noun, vendor_ids in by_noun.items():
                found = await subjects.known(connection, self._account, noun, vendor_ids)
                for subject in found.values():
                    self.hold(subject, at_once=False)

    async def _look_on(self) -> None:
        while True:
            self._look_bell.clear()
            unread, self._unread = self._unread, set()
            try:
                await self._hold_written(unread)
            except DatabaseUnavailable:
                logger().warning("rows_not_read")  # a beat finds them
            except Exception:
                logger().exception("rows_not_read")
            wait: float | None = self._settings.min_interval
            try:
                self._look_at_what_is_due()
                wait = self._seconds_to_next()
            except Exception:
                logger().exception("looks_not_begun")
            await wait_for(self._look_bell, wait, self._clock, name="follower waits")

    def _look_at_what_is_due(self) -> None:
        now = self._clock.monotonic()
        ready = self._ready()
        if now < self._rest.until or not any(held.due <= now for held in ready):
            return
        # What is due soon goes along: one question for many is cheaper than many.
        chosen = [held for held in ready if held.due <= now + held.interval / 2]
        operations = [held for held in chosen if held.subject.noun == "operation"]
        transactions = [held for held in chosen if isinstance(held.state, Transaction)]
        complete = [held for held in transactions if held.is_complete]
        running = [held for held in transactions if not held.is_complete]
        watched = sorted((held for held in running if self._is_watched(held)), key=lambda held: held.checked_at)
        checked = watched[: max(_CHECKED_AT_ONCE - self._questions.checking, 0)]
        listed = [held for held in running if held not in checked]
        if operations:
            self._start(operations, self._questions.operations)
        if listed:
            self._start(listed, self._questions.transactions)
        if complete:
            self._start(complete, as_they_are)
        for held in checked:
            held.checked_at = now
            self._start([held], self._questions.check)

    def _ready(self) -> list[Held]:
        now = self._clock.now()
        return [held for held in self._held.values() if not held.busy and held.held_until >= now]

    def _seconds_to_next(self) -> float | None:
        now = self._clock.monotonic()
        next_due = min((held.due for held in self._ready()), default=None)
        return None if next_due is None else max(next_due, self._rest.until) - now

    def _is_watched(self, held: Held) -> bool:
        elsewhere = held.watched_until is not None and held.watched_until >= self._clock.now()
        return elsewhere or self._feed.is_watched(held.subject.key)

    def _start(self, unit: Sequence[Held], ask: Ask) -> None:
        for held in unit:
            held.busy = True
            held.due = self._clock.monotonic() + held.interval  # until it is known better
        look = asyncio.create_task(self._look(unit, ask), name="follower look")
        self._looks.add(look)
        look.add_done_callback(self._looks.discard)

    async def _look(self, unit: Sequence[Held], ask: Ask) -> None:
        found: Mapping[str, Found] = {}
        try:
            try:
                found = await ask(unit)
            except UpstreamError as error:
                self._failed(unit, error)
            except Exception:
                logger().exception("look_failed")
            taken = await asyncio.gather(
                *(self._take_in(held, found.get(held.subject.vendor_id)) for held in unit), return_exceptions=True
            )
            for failure in taken:
                if isinstance(failure, Exception):
                    logger().error("look_not_recorded", exc_info=failure)
            await self._let_go([held for held in unit if self._clock.now() >= held.follow_until])
        except Exception:
            logger().exception("look_failed")
        finally:
            for held in unit:
                held.busy = False
            self._look_bell.set()

    def _failed(self, unit: Sequence[Held], error: UpstreamError) -> None:
        self._rest.note(error, self._clock.monotonic())
        if error.retryable:
            return  # streams outlive a vendor's bad minutes
        for held in unit:
            held.interval = self._settings.max_interval
            self._feed.fail(held.subject.key, error)

    async def _take_in(self, held: Held, found: Found | None) -> None:
        before = held.subject
        if found is not None:
            try:
                after = await self._recorder.take_in(replace(before, follow_until=held.follow_until), found)
            except DatabaseUnavailable:
                logger().warning("look_not_recorded")  # the next look finds it again
            else:
                if after is None or after.ended_at is not None:
                    self._drop(held)
                    if after is None:
                        self._unread.add(held.name)  # what was written instead may have been, in our name
                    return
                held.subject = after
        if held.subject.sequence != before.sequence:
            held.interval = self._settings.min_interval
        await self._schedule(held)
        held.interval = pace.grown(held.interval, self._settings)

    async def _schedule(self, held: Held) -> None:
        now = self._clock.now()
        began_at = begun_at(held.state) or held.subject.began_at
        samples: list[float] = []
        with suppress(DatabaseUnavailable):
            samples = await self._durations.of(held.subject.noun, action_of(held.state), carrier_of(held.state))
        wait = pace.wait(
            held.interval, self._settings, elapsed=(now - began_at).total_seconds(), typical=typical(samples)
        )
        for end in self._ends_of(held, now):
            left = (end - now).total_seconds()
            wait = min(wait, left) if left > 0 else wait  # the last look is at the end
        held.due = self._clock.monotonic() + wait

    def _ends_of(self, held: Held, now: datetime) -> list[datetime]:
        if not held.is_complete:
            return [held.follow_until]
        assert isinstance(held.state, Transaction)
        return [
            verification.verify_until(
                held.state, follow_seconds=self._settings.deadline, follow_until=held.follow_until, now=now
            )
        ]

    async def _let_go(self, given_up: Sequence[Held]) -> None:
        """Follow these no longer: they have not ended in time, and whoever watches them anew takes them up."""
        names = [held.name for held in given_up if self._held.get(held.name) is held]
        for held in given_up:
            self._drop(held)
        await self._release(names)

    async def _release(self, names: Sequence[Name]) -> None:
        if not names:
            return
        with suppress(DatabaseUnavailable):  # then their leases end by themselves
            await self._database.write(
                lambda connection: leases.release(connection, self._account, holder=self._recorder.holder, names=names)
            )

    def _drop(self, held: Held) -> None:
        if self._held.get(held.name) is held:
            del self._held[held.name]
            self._metrics.followed.dec()
