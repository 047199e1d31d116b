"""The three vendors, as far as there are credentials for them."""

import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from esim_graph.clock import Clock
from esim_graph.config import DigiSettings, EsimflySettings, EsimgoSettings, Settings
from esim_graph.errors import UpstreamName
from esim_graph.telemetry import Metrics
from esim_graph.upstreams import digi, esimfly, esimgo
from esim_graph.upstreams.limits import Limits, Rate, digi_rates, esimfly_rates, esimgo_rates
from esim_graph.upstreams.messages import Answer, Request
from esim_graph.upstreams.refusals import is_passing
from esim_graph.upstreams.sender import NotConfigured, Sender
from esim_graph.upstreams.sessions import open_session
from esim_graph.upstreams.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstreams:
    """One client per vendor; one without credentials raises ``UpstreamNotConfigured`` by every verb."""

    digi: digi.DigiClient
    esimfly: esimfly.EsimflyClient
    esimgo: esimgo.EsimgoClient


@asynccontextmanager
async def open_upstreams(
    settings: Settings, *, metrics: Metrics, clock: Clock, jitter: Callable[[], float] | None = None
) -> AsyncIterator[Upstreams]:
    """Open the vendors' sessions; they are closed at the end, and calls under way with them.

    *jitter* gives random numbers from 0 to 1; tests bring their own.
    """
    open_sender = _SenderOpener(metrics, clock, jitter or random.SystemRandom().random)
    async with (
        open_sender(
            "digi",
            settings.digi,
            rates=digi_rates(settings.digi.rate_limit),
            sign=digi.sign(settings.digi),
        ) as to_digi,
        open_sender(
            "esimfly",
            settings.esimfly,
            rates=esimfly_rates(settings.esimfly.rate_limit),
            sign=esimfly.sign(settings.esimfly, clock),
            worth_retrying=esimfly.is_worth_retrying,
        ) as to_esimfly,
        open_sender(
            "esimgo",
            settings.esimgo,
            rates=esimgo_rates(settings.esimgo.rate_limit),
            sign=esimgo.sign(settings.esimgo),
        ) as to_esimgo,
    ):
        yield Upstreams(
            digi=digi.DigiClient(to_digi, clock=clock),
            esimfly=esimfly.EsimflyClient(to_esimfly),
            esimgo=esimgo.EsimgoClient(to_esimgo),
        )


@dataclass(frozen=True, slots=True)
class _SenderOpener:
    """Opens what a client sends with; holds what is the same for all three vendors."""

    metrics: Metrics
    clock: Clock
    jitter: Callable[[], float]

    @asynccontextmanager
    async def __call__(
        self,
        upstream: UpstreamName,
        settings: DigiSettings | EsimflySettings | EsimgoSettings,
        *,
        rates: Sequence[Rate],
        sign: Callable[[Request], Mapping[str, str]],
        worth_retrying: Callable[[Answer], bool] = is_passing,
    ) -> AsyncIterator[Sender]:
        if not settings.configured:
            yield NotConfigured(upstream)
            return
        async with (
            open_session(connections=settings.concurrency, keep=True) as session,
            open_session(connections=settings.concurrency, keep=False) as fresh,
        ):
            yield Transport(
                upstream,
                base_url=settings.base_url,
                session=session,
                fresh=fresh,
                sign=sign,
                worth_retrying=worth_retrying,
                limits=Limits(upstream, rates=rates, concurrency=settings.concurrency, clock=self.clock),
                metrics=self.metrics,
                clock=self.clock,
                jitter=self.jitter,
            )
