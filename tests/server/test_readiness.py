"""Whether a load balancer should send callers here."""

import aiohttp

from support.database import postgresql_server
from support.gateway import open_served


async def ready(http: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    async with http.get(f"{url}/health/ready") as answer:
        return answer.status, (await answer.json())["status"]


async def test_a_gateway_is_ready_only_while_its_database_answers() -> None:
    """Without it nothing is taken on; it is ready again as soon as the database is back."""
    with postgresql_server() as server:
        async with open_served(database_url=server.fresh()) as gateway:
            assert await ready(gateway.http, gateway.url) == (200, "ready")

            server.stop()
            assert await ready(gateway.http, gateway.url) == (503, "database unavailable")

            server.start()
            assert await ready(gateway.http, gateway.url) == (200, "ready")
