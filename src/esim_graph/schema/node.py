"""Identity: the ``Node`` interface, and ids that name a thing of one tenant."""

import base64
import binascii

import strawberry

from esim_graph.errors import BadUserInput
from esim_graph.schema.context import Info


@strawberry.interface(description="Something with an identity of its own, which `node` finds again.")
class Node:
    """Each implementation says what its id is made of."""

    @strawberry.field(description="Opaque, the same for as long as the thing exists, and valid for your tenant only.")
    def id(self, info: Info) -> strawberry.ID:
        """Built when asked for: a page of a thousand rows seldom needs them."""
        return node_id(type(self).__name__, info.context.tenant, self.node_key())

    def node_key(self) -> str:
        """What tells this thing from others of its type."""
        raise AssertionError(f"{type(self).__name__} has no key")


def node_id(type_name: str, tenant: str, key: str) -> strawberry.ID:
    """Write an id. It is bound to the tenant by naming it, and opens nothing but what the caller may ask for."""
    text = "\n".join((type_name, tenant, key))
    return strawberry.ID(base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode())


def read_node_id(node: str, tenant: str) -> tuple[str, str] | None:
    """Read an id into (type, key); None if it is another tenant's.

    Raises:
        BadUserInput: this graph never gave out such an id.
    """
    try:
        raw = base64.b64decode(node + "=" * (-len(node) % 4), altchars=b"-_", validate=True)
        type_name, owner, key = raw.decode().split("\n")
    except (binascii.Error, ValueError):
        raise BadUserInput("id must be one that this graph gave out.", argument="id") from None
    return (type_name, key) if owner == tenant else None
