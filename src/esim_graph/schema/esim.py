"""``Esim``: the crossing where three vendors meet; each branch is nullable and fails alone."""

from functools import partial
from typing import Annotated

import strawberry

from esim_graph.domain.identifiers import Eid, Iccid
from esim_graph.errors import BadUserInput
from esim_graph.schema.arguments import given
from esim_graph.schema.bundle import BundleEvent
from esim_graph.schema.context import Info
from esim_graph.schema.lifecycle import Lifecycle
from esim_graph.schema.live_status import LiveStatus
from esim_graph.schema.node import Node
from esim_graph.schema.operation import Operation
from esim_graph.schema.pagination import After, Connection, First, connect
from esim_graph.schema.profile import Profile
from esim_graph.schema.status_change import StatusChange
from esim_graph.schema.transaction import Transaction

MaxAge = Annotated[
    int | None,
    strawberry.argument(
        description="Accept no answer older than this, where such answers are remembered for longer; 0 asks anew."
    ),
]


@strawberry.type(description="An eSIM, by its ICCID. It costs nothing until a branch is asked for.")
class Esim(Node):
    """One branch per vendor call."""

    iccid: Iccid = strawberry.field(description="The eSIM's number.")

    @strawberry.field(
        description="What happened to its bundles, in eSIM Go's order. One call to eSIM Go, remembered for a minute."
    )
    async def bundle_history(self, info: Info) -> list[BundleEvent] | None:
        """Remembered for its time to live."""
        return [BundleEvent.from_domain(event) for event in await info.context.loaders.bundle_history(self.iccid)]

    @strawberry.field(description="The eUICC it is on; the same call to Digi as `profile`.")
    async def eid(self, info: Info) -> Eid | None:
        """Known through the profile only."""
        profile = await info.context.loaders.profile(self.iccid)
        return None if profile is None else profile.eid

    @strawberry.field(
        description=(
            "Where it is in its life, by all vendors: it costs what `profile`, `liveStatus` and `bundleHistory` "
            "cost together, and is no dearer beside them. A vendor that fails is in `unavailable`."
        )
    )
    async def lifecycle(self, info: Info) -> Lifecycle | None:
        """The three vendors at once, each remembered for its time to live."""
        return Lifecycle.from_domain(*await info.context.loaders.lifecycle(self.iccid))

    @strawberry.field(
        description="How it is doing on the network; null if eSIMfly does not know it. A live call, remembered briefly."
    )
    async def live_status(self, info: Info, max_age_seconds: MaxAge = strawberry.UNSET) -> LiveStatus | None:
        """Remembered for its time to live."""
        return await load_live_status(info, self.iccid, given(max_age_seconds))

    @strawberry.field(description="Its operations, newest first.")
    async def operations(
        self, info: Info, first: First = strawberry.UNSET, after: After = strawberry.UNSET
    ) -> Connection[Operation] | None:
        """The first pages of several eSIMs are one call."""
        loaders = info.context.loaders
        listing = await loaders.operations_of(self.iccid, given(first), given(after))
        return connect(listing, partial(Operation.present, loaders), given(after))

    @strawberry.field(description="Its profile as the device last reported it to Digi; null if Digi reports none.")
    async def profile(self, info: Info) -> Profile | None:
        """The profiles of an operation are one call."""
        found = await info.context.loaders.profile(self.iccid)
        return None if found is None else Profile.from_domain(found)

    @strawberry.field(description="The changes of its state that the journal has, newest first. No vendor is asked.")
    async def status_changes(
        self, info: Info, first: First = strawberry.UNSET, after: After = strawberry.UNSET
    ) -> Connection[StatusChange] | None:
        """The first pages of several eSIMs are read together."""
        listing = await info.context.loaders.status_changes_of(self.iccid, given(first), given(after))
        return connect(listing, StatusChange.from_domain, given(after))

    @strawberry.field(description="Its transactions, newest first.")
    async def transactions(
        self, info: Info, first: First = strawberry.UNSET, after: After = strawberry.UNSET
    ) -> Connection[Transaction] | None:
        """The first pages of several eSIMs are one call."""
        listing = await info.context.loaders.transactions_of(self.iccid, given(first), given(after))
        return connect(listing, Transaction.from_domain, given(after))

    def node_key(self) -> str:
        """The ICCID, which every vendor uses."""
        return self.iccid


async def load_live_status(info: Info, identifier: Iccid | int, max_age: int | None) -> LiveStatus | None:
    """Load a live status for the two fields that give it.

    Raises:
        BadUserInput: the age is negative.
    """
    if max_age is not None and max_age < 0:
        raise BadUserInput("maxAgeSeconds must be 0 or more.", argument="maxAgeSeconds")
    found = await info.context.loaders.live_status(identifier, max_age)
    return None if found is None else LiveStatus.from_domain(*found)
