"""eSIMfly's verbs."""

import uuid
from collections.abc import Callable, Mapping

from esim_graph.clock import Clock, Deadline
from esim_graph.config import EsimflySettings
from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.live_status import LiveStatus
from esim_graph.upstreams.esimfly import signing, wire
from esim_graph.upstreams.messages import Request
from esim_graph.upstreams.sender import Sender


class EsimflyClient:
    """Asks eSIMfly. Every verb raises an ``UpstreamError`` when it cannot answer."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def live_status(self, identifier: Iccid | int, *, deadline: Deadline) -> LiveStatus | None:
        """Ask the network how one eSIM is doing, now; takes 1 to 10 s. An int is an ``esimId``.

        None if eSIMfly knows no such eSIM.

        Raises:
            UpstreamForbidden: the eSIM belongs to another account.
            UpstreamUnavailable: the network gave no answer.

        Source: eSIMfly business API, "eSIM Status".
        """
        return await self._sender.send(
            wire.post_status(identifier),
            lambda answer: wire.read_live_status(answer, identifier),
            deadline=deadline,
        )

    async def check(self, *, deadline: Deadline) -> float | None:
        """Prove that the credentials are good, without asking the network.

        Returns:
            Seconds eSIMfly's clock is ahead of ours, if it says.
        """
        return await self._sender.send(wire.post_nothing(), wire.read_check, deadline=deadline)


def sign(settings: EsimflySettings, clock: Clock) -> Callable[[Request], Mapping[str, str]]:
    """The headers of one attempt: a new request id, the time now, and the signature over both."""
    access_code = settings.access_code.get_secret_value() if settings.access_code else ""
    secret_key = settings.secret_key.get_secret_value() if settings.secret_key else ""

    def sign_attempt(request: Request) -> Mapping[str, str]:
        return signing.headers(
            request.body or b"",
            access_code=access_code,
            secret_key=secret_key,
            request_id=str(uuid.uuid4()),
            timestamp_ms=int(clock.now().timestamp() * 1000),
        )

    return sign_attempt
