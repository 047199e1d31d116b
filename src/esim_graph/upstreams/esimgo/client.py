"""eSIM Go's verbs."""

from collections.abc import Callable, Mapping

from esim_graph.clock import Deadline
from esim_graph.config import EsimgoSettings
from esim_graph.domain.bundle import BundleEvent
from esim_graph.domain.identifiers import Iccid
from esim_graph.upstreams.esimgo import wire
from esim_graph.upstreams.messages import Request
from esim_graph.upstreams.sender import Sender


class EsimgoClient:
    """Asks eSIM Go. Every verb raises an ``UpstreamError`` when it cannot answer."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def bundle_history(self, iccid: Iccid, *, deadline: Deadline) -> list[BundleEvent]:
        """Every bundle event of one eSIM, in the vendor's order.

        Raises:
            UpstreamForbidden: eSIM Go does not know *iccid*, or it is another account's.
            UpstreamProcessing: come back after ``retry_after`` seconds.
        """
        request = wire.get_history(iccid)
        rows = await self._sender.send(request, wire.read_history, deadline=deadline)
        self._sender.note_skipped(request, rows.skipped)
        return rows.items

    async def check(self, *, deadline: Deadline) -> float | None:
        """Prove that the key is good; seconds eSIM Go's clock is ahead of ours, if it says."""
        return await self._sender.send(wire.get_first_esims(), wire.read_check, deadline=deadline)


def sign(settings: EsimgoSettings) -> Callable[[Request], Mapping[str, str]]:
    """The headers of every call."""
    headers = {"X-API-Key": settings.api_key.get_secret_value() if settings.api_key else ""}
    return lambda _: headers
