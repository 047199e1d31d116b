"""eSIMfly: the live status of one eSIM."""

from esim_graph.upstreams.esimfly.client import EsimflyClient, sign
from esim_graph.upstreams.esimfly.wire import is_worth_retrying

__all__ = ["EsimflyClient", "is_worth_retrying", "sign"]
