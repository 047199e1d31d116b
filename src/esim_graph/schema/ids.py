"""Ids that name a thing of one tenant: opaque, the same for ever, and nothing for anybody else."""

import base64
import binascii
from dataclasses import dataclass

import strawberry

from esim_graph.errors import BadUserInput


@dataclass(frozen=True, slots=True)
class NodeIds:
    """Writes and reads one tenant's ids.

    An id names its tenant and is not signed: it opens nothing but what that tenant may ask for
    anyway, and it must outlive every key.
    """

    tenant: str

    def write(self, type_name: str, key: str) -> strawberry.ID:
        """The id of a thing."""
        text = "\n".join((type_name, self.tenant, key))
        return strawberry.ID(base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode())

    def read(self, node: str) -> tuple[str, str] | None:
        """Read an id into (type, key); None if it is another tenant's.

        Raises:
            BadUserInput: this graph never gave out such an id.
        """
        try:
            raw = base64.b64decode(node + "=" * (-len(node) % 4), altchars=b"-_", validate=True)
            type_name, owner, key = raw.decode().split("\n")
        except (binascii.Error, ValueError):
            raise unknown_id() from None
        return (type_name, key) if owner == self.tenant else None


def unknown_id() -> BadUserInput:
    """The refusal of an id that is none of ours."""
    return BadUserInput("id must be one that this graph gave out.", argument="id")
