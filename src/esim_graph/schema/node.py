"""Identity: the ``Node`` interface."""

import strawberry

from esim_graph.schema.context import Info


@strawberry.interface(description="Something with an identity of its own, which `node` finds again.")
class Node:
    """Each implementation says what its id is made of."""

    @strawberry.field(description="Opaque, the same as long as the thing exists, and valid for your tenant only.")
    def id(self, info: Info) -> strawberry.ID:
        """Built when asked for: a page of a thousand rows seldom needs them."""
        return info.context.ids.write(type(self).__name__, self.node_key())

    def node_key(self) -> str:
        """What tells this thing from others of its type."""
        raise AssertionError(f"{type(self).__name__} has no key")
