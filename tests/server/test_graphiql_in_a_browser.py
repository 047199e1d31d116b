"""GraphiQL as a person uses it: a real browser, the real gateway, the simulated vendors."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp
import pytest
from playwright.async_api import expect

from esim_graph.cli.examples import EXAMPLES
from esim_graph.runtime import open_runtime
from esim_graph.sandbox import Options, landmarks, serving
from esim_graph.server.app import create_app
from support.browser import Visit, open_tab, open_visit, run_operation
from support.gateway import serve_app, settings_for

START = """mutation ($input: OperationStartInput!) { operationStart(input: $input) { operation { vendorId } } }"""


@dataclass(frozen=True, slots=True)
class Open:
    """GraphiQL, open in a browser."""

    visit: Visit
    url: str


@pytest.fixture
async def graphiql() -> AsyncIterator[Open]:
    async with (
        serving(Options(devices=60, speed=300)) as sandbox,
        open_runtime(settings_for(sandbox)) as runtime,
        serve_app(create_app(runtime, examples=EXAMPLES)) as url,
        open_visit() as visit,
    ):
        await visit.page.goto(f"{url}/graphql")
        yield Open(visit, url)
        runtime.closing.set()


async def test_the_first_example_answers_with_three_vendors_data(graphiql: Open) -> None:
    """What a first visit shows, runs."""
    page = graphiql.visit.page

    result = await run_operation(page)

    await expect(result).to_contain_text('"carrier": "Play"')
    await expect(result).to_contain_text('"servedFrom"')
    await expect(result).to_contain_text('"BUNDLE_APPLIED"')


async def test_a_subscription_shows_progress_to_100(graphiql: Open) -> None:
    """An activation started elsewhere is watched to its end over a WebSocket."""
    page = graphiql.visit.page
    landmark = landmarks.READY_TO_ACTIVATE
    asked = {"kind": "ACTIVATE", "deviceId": landmark.device_id, "carrier": landmark.carrier}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{graphiql.url}/graphql", json={"query": START, "variables": {"input": asked}}) as answer,
    ):
        vendor_id = (await answer.json())["data"]["operationStart"]["operation"]["vendorId"]
    await page.goto("about:blank")
    watch = EXAMPLES[2]
    await page.goto(f"{graphiql.url}/graphql#{_fragment(watch.query, {'vendorId': vendor_id})}")

    result = await run_operation(page)

    await expect(result).to_contain_text('"progress": 100', timeout=20_000)
    await expect(result).to_contain_text('"SUCCESSFUL"')


async def test_nothing_is_asked_of_another_machine(graphiql: Open) -> None:
    """Every file comes from the gateway itself, and the browser has nothing to complain about."""
    page = graphiql.visit.page
    await expect(await run_operation(page)).to_contain_text('"data"')

    await open_tab(page, "Watch")

    assert graphiql.visit.outside(graphiql.url) == []
    assert graphiql.visit.complaints == []


def _fragment(query: str, variables: dict[str, str]) -> str:
    return urlencode({"query": query, "variables": json.dumps(variables)})
