"""A vendor without credentials is asked nothing."""

import inspect
from collections.abc import AsyncIterator
from typing import Any

import pytest

from esim_graph.clock import Deadline
from esim_graph.config import load_settings
from esim_graph.domain.identifiers import Iccid
from esim_graph.domain.operation import OperationKind, OperationRequest
from esim_graph.domain.selection import AnyOf, Selection
from esim_graph.domain.transaction import ActionRequest, TransactionAction
from esim_graph.errors import UpstreamNotConfigured
from esim_graph.telemetry import Metrics
from esim_graph.upstreams import Upstreams, open_upstreams
from upstreams.transports import CLOCK

ICCID = Iccid("8948010010036785060")
NOTHING = {"selection": Selection(where=AnyOf(())), "size": 1}  # would not even need a call
VERBS: dict[str, dict[str, dict[str, Any]]] = {
    "digi": {
        "summary": {},
        "profile": {"iccid": ICCID},
        "profiles_by_iccid": {"iccids": [ICCID]},
        "profile_page": NOTHING | {"cursor": None},
        "profiles_bulk": NOTHING | {"fields": None},
        "profiles_on": {"device_id": "d", "eid": None},
        "profiles_on_all": {"device_ids": ["d"]},
        "newest_transactions_on": {"device_id": "d"},
        "newest_operations_on": {"device_id": "d"},
        "transactions_by_id": {"ids": []},
        "transaction_page": NOTHING | {"cursor": None},
        "transaction_progress": {"vendor_id": "a"},
        "operation": {"vendor_id": "a"},
        "operations_by_id": {"ids": ["a", "b"]},
        "operation_page": NOTHING | {"cursor": None},
        "act": {"request": ActionRequest(action=TransactionAction.ENABLE, device_id="d", iccid=ICCID)},
        "start_operation": {"request": OperationRequest(kind=OperationKind.ENABLE, device_id="d")},
    },
    "esimfly": {"live_status": {"identifier": ICCID}, "check": {}},
    "esimgo": {"bundle_history": {"iccid": ICCID}, "check": {}},
}


@pytest.fixture
async def nobody() -> AsyncIterator[Upstreams]:
    """Three vendors that nobody configured; reaching one would leave this machine, which fails a test."""
    settings = load_settings(_env_file=None)
    async with open_upstreams(settings, metrics=Metrics(), clock=CLOCK) as opened:
        yield opened


@pytest.mark.parametrize(("name", "verb"), [(name, verb) for name, verbs in VERBS.items() for verb in verbs])
async def test_every_verb_says_so(nobody: Upstreams, deadline: Deadline, name: str, verb: str) -> None:
    client = getattr(nobody, name)

    with pytest.raises(UpstreamNotConfigured) as error:
        await getattr(client, verb)(**VERBS[name][verb], deadline=deadline)

    assert error.value.upstream == name


@pytest.mark.parametrize("name", VERBS)
async def test_no_verb_is_missing_here(nobody: Upstreams, name: str) -> None:
    verbs = inspect.getmembers(type(getattr(nobody, name)), inspect.iscoroutinefunction)

    assert {verb for verb, _ in verbs if not verb.startswith("_")} == set(VERBS[name])
