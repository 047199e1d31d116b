"""The root fields that read."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Annotated, cast

import strawberry

from esim_graph.domain.identifiers import Iccid, parse_esim_id, parse_iccid, parse_vendor_id
from esim_graph.domain.selection import Selection
from esim_graph.errors import BadUserInput
from esim_graph.schema.action_inputs import PlannedOperation, read_operation
from esim_graph.schema.activation_plan import ActivationPlan
from esim_graph.schema.arguments import VendorId, given
from esim_graph.schema.bundle import BundleEvent
from esim_graph.schema.context import Info
from esim_graph.schema.esim import Esim, MaxAge, load_live_status
from esim_graph.schema.filters import OperationFilter, ProfileFilter, TransactionFilter, read_filter
from esim_graph.schema.ids import unknown_id
from esim_graph.schema.live_status import LiveStatus
from esim_graph.schema.node import Node
from esim_graph.schema.operation import Operation
from esim_graph.schema.orders import OperationOrder, ProfileOrder, TransactionOrder, read_order
from esim_graph.schema.pagination import After, Connection, First, connect
from esim_graph.schema.profile import Profile
from esim_graph.schema.scalars import BigInt
from esim_graph.schema.status_change import StatusChange, StatusChangeFilter, read_status_filter
from esim_graph.schema.transaction import Transaction

_MAX_AT_ONCE = 200
_MAX_DIGITS = 18  # of a row's number

OneIccid = Annotated[Iccid, strawberry.argument(description="The eSIM's ICCID.")]


@strawberry.type(description="Reads. Every field behind a vendor is nullable: one that fails nulls its own branch.")
class Query:
    """One door: ``loaders``."""

    @strawberry.field(
        description=(
            "What `operationStart` with this input would do: which profile a carrier's name means on the device, and "
            "what to beware of. Nothing is sent to the device."
        )
    )
    async def activation_plan(self, info: Info, input: PlannedOperation) -> ActivationPlan | None:
        """One call."""
        return ActivationPlan.from_domain(await info.context.loaders.activation_plan(read_operation(input)))

    @strawberry.field(
        description="What happened to an eSIM's bundles, in eSIM Go's order; the same as `esim { bundleHistory }`."
    )
    async def bundle_history(self, info: Info, iccid: OneIccid) -> list[BundleEvent] | None:
        """A short cut."""
        return [BundleEvent.from_domain(event) for event in await info.context.loaders.bundle_history(iccid)]

    @strawberry.field(
        description="An eSIM. It is there for every valid ICCID and costs no call until a branch is asked for."
    )
    def esim(self, iccid: OneIccid) -> Esim | None:
        """The crossing of the three vendors."""
        return Esim(iccid=iccid)

    @strawberry.field(description="Several eSIMs in the order asked, at most 200; their profiles are one call.")
    def esims_by_iccid(
        self,
        iccids: Annotated[list[Iccid], strawberry.argument(description="The ICCIDs, at most 200.")],
    ) -> list[Esim | None]:
        """No call by itself."""
        _check_count(iccids, "iccids")
        return [Esim(iccid=iccid) for iccid in iccids]

    @strawberry.field(
        description=(
            "How an eSIM is doing on the network, by ICCID or by eSIMfly's own number: exactly one of the two. "
            "Null if eSIMfly does not know it."
        )
    )
    async def live_status(
        self,
        info: Info,
        esim_id: Annotated[
            BigInt | None, strawberry.argument(description="The eSIM's number at eSIMfly, instead of `iccid`.")
        ] = strawberry.UNSET,
        iccid: Annotated[
            Iccid | None, strawberry.argument(description="The eSIM's ICCID, instead of `esimId`.")
        ] = strawberry.UNSET,
        max_age_seconds: MaxAge = strawberry.UNSET,
    ) -> LiveStatus | None:
        """One live call, remembered briefly."""
        by_iccid, by_number = given(iccid), given(esim_id)
        if (by_iccid is None) == (by_number is None):
            raise BadUserInput("liveStatus takes exactly one of iccid and esimId.", argument="iccid")
        identifier = by_iccid if by_number is None else parse_esim_id(by_number)
        if identifier is None:
            return None
        return await load_live_status(info, identifier, given(max_age_seconds))

    @strawberry.field(description="Whatever has this `id`; null if it is not there, or another tenant's.")
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="An `id` of this graph.")]
    ) -> Node | None:
        """Relay's refetch."""
        return await _node(info, id)

    @strawberry.field(description="Several things by their `id`, in the order asked, at most 200.")
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Ids of this graph, at most 200.")],
    ) -> list[Node | None]:
        """Relay's refetch of many; what is shared is one call."""
        _check_count(ids, "ids")
        found = await asyncio.gather(*(_node(info, one) for one in ids), return_exceptions=True)
        return cast("list[Node | None]", found)  # graphql-core makes an exception the error of its own place

    @strawberry.field(description="An operation by Digi's own identifier; null if Digi does not know it.")
    async def operation(self, info: Info, vendor_id: VendorId) -> Operation | None:
        """Batched with others of the same query."""
        return await _operation(info, vendor_id)

    @strawberry.field(description="Operations, by default in Digi's own order.")
    async def operations(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        filter: Annotated[
            OperationFilter | None, strawberry.argument(description="Which ones; all when left out.")
        ] = strawberry.UNSET,
        order_by: Annotated[
            OperationOrder | None, strawberry.argument(description="In which order.")
        ] = strawberry.UNSET,
    ) -> Connection[Operation] | None:
        """One call a page."""
        loaders = info.context.loaders
        selection = Selection(read_filter(given(filter)), read_order(given(order_by)))
        listing = await loaders.operations(selection, given(first), given(after))
        return connect(listing, partial(Operation.present, loaders), given(after))

    @strawberry.field(description="A profile by its ICCID; null if Digi reports none.")
    async def profile(self, info: Info, iccid: OneIccid) -> Profile | None:
        """Batched with others of the same query."""
        found = await info.context.loaders.profile(iccid)
        return None if found is None else Profile.from_domain(found)

    @strawberry.field(description="Profiles, by default in Digi's own order.")
    async def profiles(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        filter: Annotated[
            ProfileFilter | None, strawberry.argument(description="Which ones; all when left out.")
        ] = strawberry.UNSET,
        order_by: Annotated[ProfileOrder | None, strawberry.argument(description="In which order.")] = strawberry.UNSET,
    ) -> Connection[Profile] | None:
        """One call a page."""
        selection = Selection(read_filter(given(filter)), read_order(given(order_by)))
        listing = await info.context.loaders.profiles(selection, given(first), given(after))
        return connect(listing, Profile.from_domain, given(after))

    @strawberry.field(
        description=(
            "The journal of all profiles: every change of a state that this gateway caused or saw, and every attempt "
            "that failed, newest first. No vendor is asked."
        )
    )
    async def status_changes(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        filter: Annotated[
            StatusChangeFilter | None, strawberry.argument(description="Which ones; all when left out.")
        ] = strawberry.UNSET,
    ) -> Connection[StatusChange] | None:
        """One read of our own database."""
        wanted = read_status_filter(given(filter))
        listing = await info.context.loaders.status_changes(wanted, given(first), given(after))
        return connect(listing, StatusChange.from_domain, given(after))

    @strawberry.field(
        description="A transaction by Digi's own identifier, as Digi last knew it; null if Digi does not know it."
    )
    async def transaction(self, info: Info, vendor_id: VendorId) -> Transaction | None:
        """Batched with others of the same query."""
        return await _transaction(info, vendor_id)

    @strawberry.field(description="Transactions, by default in Digi's own order.")
    async def transactions(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        filter: Annotated[
            TransactionFilter | None, strawberry.argument(description="Which ones; all when left out.")
        ] = strawberry.UNSET,
        order_by: Annotated[
            TransactionOrder | None, strawberry.argument(description="In which order.")
        ] = strawberry.UNSET,
    ) -> Connection[Transaction] | None:
        """One call a page."""
        selection = Selection(read_filter(given(filter)), read_order(given(order_by)))
        listing = await info.context.loaders.transactions(selection, given(first), given(after))
        return connect(listing, Transaction.from_domain, given(after))


def _check_count(values: Sequence[object], argument: str) -> None:
    if len(values) > _MAX_AT_ONCE:
        raise BadUserInput(f"{argument} must have at most {_MAX_AT_ONCE} values.", argument=argument)


async def _operation(info: Info, vendor_id: str) -> Operation | None:
    loaders = info.context.loaders
    found = await loaders.operation(parse_vendor_id(vendor_id, argument="vendorId"))
    return None if found is None else Operation.present(loaders, found)


async def _transaction(info: Info, vendor_id: str) -> Transaction | None:
    found = await info.context.loaders.transaction(parse_vendor_id(vendor_id, argument="vendorId"))
    return None if found is None else Transaction.from_domain(found)


async def _node(info: Info, node: str) -> Node | None:
    found = info.context.ids.read(node)
    try:
        match found:
            case ("Esim", key):
                return Esim(iccid=parse_iccid(key))
            case ("Profile", key):
                profile = await info.context.loaders.profile(parse_iccid(key))
                return None if profile is None else Profile.from_domain(profile)
            case ("Transaction", key):
                return await _transaction(info, key)
            case ("Operation", key):
                return await _operation(info, key)
            case ("StatusChange", key) if key.isdecimal() and len(key) <= _MAX_DIGITS:
                change = await info.context.loaders.status_change(int(key))
                return None if change is None else StatusChange.from_domain(change)
            case None:
                return None
    except BadUserInput:
        pass  # a key that no such thing has
    raise unknown_id()
