"""aiohttp sessions as every vendor gets them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

import esim_graph

CONNECT_TIMEOUT = 5.0


@asynccontextmanager
async def open_session(*, connections: int, keep: bool) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session with at most *connections* at once (0: no limit); *keep* them for the next call.

    Nothing is followed, stored or taken from the environment: no cookies, no proxy, no
    ``.netrc``. TLS certificates are verified, as aiohttp does unless told otherwise. The
    total time is the transport's business, by ``asyncio.timeout``.
    """
    connector = aiohttp.TCPConnector(limit=connections, force_close=not keep)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        # ``connect`` would include waiting for a free connection, but calls are let in by ``Limits``
        # and never more than there are connections. Unlike ``sock_connect`` it includes name look-up.
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT),
        trust_env=False,
        headers={"User-Agent": f"esim-graph/{esim_graph.__version__}", "Accept": "application/json"},
        middlewares=(_never_send_twice,),
    ) as session:
        yield session


async def _never_send_twice(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from silently repeating a GET on a connection that the vendor had closed.

    The repetition would be counted by no limit and signed by nobody; the transport decides.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(type(error).__name__) from None
