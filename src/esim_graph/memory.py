"""Which answers of the vendors are remembered, for how long, and what drops them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from esim_graph.cache import Cache, Remembered
from esim_graph.clock import Clock, Deadline
from esim_graph.config import Settings
from esim_graph.domain.bundle import BundleEvent
from esim_graph.domain.freshness import Freshness
from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.live_status import LiveStatus
from esim_graph.domain.profile import Profile
from esim_graph.domain.reports import of_absent_profile, of_live_status, of_profile
from esim_graph.domain.status_change import Report
from esim_graph.errors import UpstreamName, UpstreamTimeout
from esim_graph.journal import Journal
from esim_graph.upstreams import Upstreams
from esim_graph.upstreams.refusals import TITLES

K = TypeVar("K")
T = TypeVar("T")


class Memory:
    """One tenant's view of what is remembered: reads through it, asking the vendor where it must."""

    def __init__(
        self,
        tenant: str,
        upstreams: Upstreams,
        cache: Cache,
        *,
        journal: Journal,
        settings: Settings,
        clock: Clock,
        call_seconds: float,
    ) -> None:
        self._upstreams = upstreams
        self._cache = cache
        self._journal = journal
        self._settings = settings
        self._clock = clock
        self._call_seconds = call_seconds
        # The credentials are in the key: two of one tenant may not see the same.
        self._digi = f"{tenant}/{settings.digi.fingerprint}"
        self._esimfly = f"{tenant}/{settings.esimfly.fingerprint}"
        self._esimgo = f"{tenant}/{settings.esimgo.fingerprint}"

    async def profiles(self, iccids: Sequence[Iccid], *, deadline: Deadline) -> dict[Iccid, Profile]:
        """The profiles of these ICCIDs, as many as exist, by one call for all that are not remembered."""
        found = await self.observed_profiles(iccids, deadline=deadline)
        return {iccid: profile for iccid, (profile, _) in found.items()}

    async def observed_profiles(
        self, iccids: Sequence[Iccid], *, deadline: Deadline
    ) -> dict[Iccid, tuple[Profile, datetime]]:
        """The same, each with the time at which Digi gave it."""

        async def fetch(missing: list[Iccid]) -> Mapping[Iccid, Profile]:
            asked_at = self._clock.now()
            found = await self._upstreams.digi.profiles_by_iccid(missing, deadline=self._call_deadline())
            self._journal.observe(_reports(missing, found, asked_at))
            return found

        found = await self._read(
            "digi", self._digi, "profile", iccids, fetch, ttl=self._settings.profiles.ttl, deadline=deadline
        )
        return {iccid: (answer.value, answer.observed_at) for iccid, answer in found.items()}

    async def live_status(
        self, identifier: Iccid | int, *, max_age: float | None, deadline: Deadline
    ) -> tuple[LiveStatus, Freshness] | None:
        """How an eSIM is doing, by ICCID or by eSIMfly's number; None if eSIMfly does not know it."""

        async def fetch(keys: list[Iccid | int]) -> Mapping[Iccid | int, LiveStatus]:
            asked_at = self._clock.now()
            status = await self._upstreams.esimfly.live_status(keys[0], deadline=self._call_deadline())
            if status is not None and (report := of_live_status(status, asked_at)) is not None:
                self._journal.observe([report])
            return {} if status is None else {keys[0]: status}

        ttl = self._settings.live_status.ttl
        found = await self._read(
            "esimfly", self._esimfly, _live_kind(identifier), [identifier], fetch,
            ttl=ttl, max_age=max_age, deadline=deadline,
        )  # fmt: skip
        answer = found.get(identifier)
        return None if answer is None else (answer.value, _freshness(answer, ttl))

    async def bundle_history(self, iccid: Iccid, *, deadline: Deadline) -> list[BundleEvent]:
        """What happened to the bundles of an eSIM, in eSIM Go's order."""

        async def fetch(keys: list[Iccid]) -> Mapping[Iccid, list[BundleEvent]]:
            return {keys[0]: await self._upstreams.esimgo.bundle_history(keys[0], deadline=self._call_deadline())}

        found = await self._read(
            "esimgo", self._esimgo, "bundle_history", [iccid], fetch,
            ttl=self._settings.bundle_history.ttl, deadline=deadline,
        )  # fmt: skip
        return found[iccid].value

    async def forget(self, iccid: Iccid) -> None:
        """Drop what an action on this eSIM makes false."""
        await self._cache.drop(self._digi, "profile", [iccid])
        await self._cache.drop(self._esimfly, _live_kind(iccid), [iccid])

    def _call_deadline(self) -> Deadline:
        # The call may serve others than the caller who started it, so it has its full time.
        return Deadline.after(self._call_seconds, self._clock)

    async def _read(
        self,
        upstream: UpstreamName,
        tenant: str,
        kind: str,
        keys: Sequence[K],
        fetch: Callable[[list[K]], Awaitable[Mapping[K, T]]],
        *,
        ttl: float,
        deadline: Deadline,
        max_age: float | None = None,
    ) -> dict[K, Remembered[T]]:
        try:
            return await self._cache.read(tenant, kind, keys, fetch, ttl=ttl, max_age=max_age, deadline=deadline)
        except TimeoutError as error:
            raise UpstreamTimeout(f"{TITLES[upstream]} did not answer in time.", upstream=upstream) from error


def _reports(iccids: Iterable[Iccid], found: Mapping[Iccid, Profile], asked_at: datetime) -> Iterable[Report]:
    """What the answer to one call says, absences included."""
    for iccid in iccids:
        profile = found.get(iccid)
        report = of_absent_profile(iccid, asked_at) if profile is None else of_profile(profile, asked_at)
        if report is not None:
            yield report


def _live_kind(identifier: Iccid | int) -> str:
    return "live_status" if isinstance(identifier, str) else "live_status_by_number"


def _freshness(answer: Remembered[LiveStatus], ttl: float) -> Freshness:
    return Freshness(
        observed_at=answer.observed_at,
        age=answer.age,
        served_from=answer.served_from,
        stale=answer.age > ttl > 0,
    )
