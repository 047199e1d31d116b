"""Digi Remote Manager: profiles on devices' eUICCs, transactions and operations."""

from esim_graph.upstreams.digi.bulk import ProfileBulk
from esim_graph.upstreams.digi.client import DigiClient, sign

__all__ = ["DigiClient", "ProfileBulk", "sign"]
