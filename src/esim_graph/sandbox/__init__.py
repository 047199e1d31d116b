"""Three simulated vendors over real HTTP: Digi Remote Manager, eSIMfly and eSIM Go.

Written from the vendors' documents and not from any client; imports nothing of the gateway, which
reaches it by base URL. Tests open one with :func:`serving`; people run ``python -m
esim_graph.sandbox`` (see :mod:`.__main__`). What the documents leave open is in :mod:`.switches`,
fixed eSIMs to ask for in :mod:`.landmarks`, faults and everything else to play with in
:mod:`.control`.
"""

from esim_graph.sandbox.app import Sandbox, serving
from esim_graph.sandbox.calls import Call
from esim_graph.sandbox.clock import ManualClock
from esim_graph.sandbox.faults import Fault
from esim_graph.sandbox.options import Options, OptionsError, read_options
from esim_graph.sandbox.running import printed_lines, run
from esim_graph.sandbox.switches import Switches

__all__ = [
    "Call",
    "Fault",
    "ManualClock",
    "Options",
    "OptionsError",
    "Sandbox",
    "Switches",
    "printed_lines",
    "read_options",
    "run",
    "serving",
]
