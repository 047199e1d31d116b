"""Orders of the graph: by which fields each list can be sorted."""

import strawberry

from esim_graph.domain.selection import Order
from esim_graph.domain.words import Word
from esim_graph.schema.enums import publish


class OrderDirection(Word):
    """Which end comes first."""

    ASC = "asc", "The smallest, earliest or first in the alphabet comes first."
    DESC = "desc", "The largest, latest or last in the alphabet comes first."


class ProfileOrderField(Word):
    """The values are the domain's names of the fields."""

    CARRIER = "carrier", "By the carrier as the profile reports it."
    CUSTOMER_ID = "customer_id", "By Digi's account."
    DEVICE_ID = "device_id", "By Digi's device id."
    EID = "eid", "By the eUICC."
    ICCID = "iccid", "By the ICCID."
    NORMALIZED_CARRIER = "normalized_carrier", "By the carrier as Digi normalized it."
    NUMBER = "number", "By the place on the eUICC."
    STATUS = "status", "By the status."
    TYPE = "type", "By what the profile is for."


class TransactionOrderField(Word):
    """The values are the domain's names of the fields."""

    ACTION = "action", "By what it does."
    CREATED_AT = "created_at", "By when Digi accepted it."
    CUSTOMER_ID = "customer_id", "By Digi's account."
    DEVICE_ID = "device_id", "By Digi's device id."
    EID = "eid", "By the eUICC."
    ICCID = "iccid", "By the ICCID."
    MESSAGE = "message", "By the message."
    MESSAGE_CODE = "message_code", "By the message's code."
    STATUS = "status", "By how far it is."
    UPDATED_AT = "updated_at", "By when it last changed."
    VENDOR_ID = "vendor_id", "By Digi's identifier."


class OperationOrderField(Word):
    """The values are the domain's names of the fields."""

    CARRIER = "carrier", "By the carrier that was asked for."
    CAUSE = "cause", "By what made it start."
    CAUSE_ID = "cause_id", "By the automation or template."
    CREATED_AT = "created_at", "By when Digi accepted it."
    CREATED_BY = "created_by", "By who started it."
    CUSTOMER_ID = "customer_id", "By Digi's account."
    DEVICE_ID = "device_id", "By Digi's device id."
    DOWNLOAD_TRANSACTION_ID = "download_tx", "By the download transaction."
    EID = "eid", "By the eUICC."
    ENABLE_TRANSACTION_ID = "enable_tx", "By the enable transaction."
    ICCID = "iccid", "By the ICCID."
    JOB_ID = "job_id", "By Digi's job."
    KIND = "kind", "By what it sets out to do."
    MESSAGE = "message", "By the message."
    MESSAGE_CODE = "message_code", "By the message's code."
    SOURCE = "source", "By what asked for it."
    STATUS = "status", "By its step or how it ended."
    UPDATED_AT = "updated_at", "By when it last changed."
    VENDOR_ID = "vendor_id", "By Digi's identifier."


publish(OrderDirection, "Which end of an order comes first.")
publish(ProfileOrderField, "What profiles can be sorted by.")
publish(TransactionOrderField, "What transactions can be sorted by.")
publish(OperationOrderField, "What operations can be sorted by.")


@strawberry.input(description="How profiles are sorted.")
class ProfileOrder:
    """Both are asked for: an order without a direction surprises somebody."""

    direction: OrderDirection = strawberry.field(description="Which end comes first.")
    field: ProfileOrderField = strawberry.field(description="By what.")


@strawberry.input(description="How transactions are sorted.")
class TransactionOrder:
    """Both are asked for: an order without a direction surprises somebody."""

    direction: OrderDirection = strawberry.field(description="Which end comes first.")
    field: TransactionOrderField = strawberry.field(description="By what.")


@strawberry.input(description="How operations are sorted.")
class OperationOrder:
    """Both are asked for: an order without a direction surprises somebody."""

    direction: OrderDirection = strawberry.field(description="Which end comes first.")
    field: OperationOrderField = strawberry.field(description="By what.")


def read_order(order: ProfileOrder | TransactionOrder | OperationOrder | None) -> Order | None:
    """What an order means; None leaves it to the vendor."""
    if order is None:
        return None
    return Order(order.field.value, descending=order.direction is OrderDirection.DESC)
