"""eSIM Go: what happened to the bundles on one eSIM."""

from esim_graph.upstreams.esimgo.client import EsimgoClient, sign

__all__ = ["EsimgoClient", "sign"]
