"""What a look asks Digi, for many subjects at once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from esim_graph.clock import Clock, Deadline
from esim_graph.domain.transaction import Transaction
from esim_graph.progress.held import Held
from esim_graph.progress.recording import Found
from esim_graph.subjects import Name
from esim_graph.upstreams.digi import DigiClient

#: Asks about some subjects, and finds what there is by vendor id.
Ask = Callable[[Sequence[Held]], Awaitable[Mapping[str, Found]]]


class Questions:
    """The questions, each of which is an ``Ask``."""

    def __init__(self, digi: DigiClient, *, clock: Clock, call_seconds: float) -> None:
        self._digi = digi
        self._clock = clock
        self._call_seconds = call_seconds
        #: How many transactions Digi checks just now.
        self.checking = 0
        #: Transactions that Digi has checked; whoever notes that takes them out.
        self.checked: set[Name] = set()

    async def operations(self, unit: Sequence[Held]) -> Mapping[str, Found]:
        """Operations as they are."""
        return await self._digi.operations_by_id(_ids(unit), deadline=self._deadline())

    async def transactions(self, unit: Sequence[Held]) -> Mapping[str, Found]:
        """Transactions as Digi last saw them."""
        return await self._digi.transactions_by_id(_ids(unit), deadline=self._deadline())

    async def check(self, unit: Sequence[Held]) -> Mapping[str, Found]:
        """One transaction, which Digi is made to check."""
        (held,) = unit
        vendor_id = held.subject.vendor_id
        self.checking += 1
        try:
            found = await self._digi.transaction_progress(vendor_id, deadline=self._deadline())
        finally:
            self.checking -= 1
        if found is None:
            return {}
        self.checked.add(held.name)
        return {vendor_id: found}

    def _deadline(self) -> Deadline:
        return Deadline.after(self._call_seconds, self._clock)


async def as_they_are(unit: Sequence[Held]) -> Mapping[str, Found]:
    """What is complete is not asked for again; the inventory is."""
    return {held.subject.vendor_id: held.state for held in unit if isinstance(held.state, Transaction)}


def _ids(unit: Sequence[Held]) -> list[str]:
    return [held.subject.vendor_id for held in unit]
