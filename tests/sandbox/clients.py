"""The smallest client of each vendor, written from the vendors' pages; signs by its own HMAC."""

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from typing import Any

import aiohttp

from esim_graph.sandbox import Sandbox


@dataclass(frozen=True)
class Answer:
    """What came back; ``json`` is None when the body is no JSON."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.raw)
        except ValueError:
            return None

    @property
    def text(self) -> str:
        return self.raw.decode()


class Client:
    """Sends one request and reads the whole answer."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self.base = base

    async def send(self, method: str, path: str, **more: Any) -> Answer:
        async with self._session.request(method, self.base + path, **more) as response:
            return Answer(response.status, dict(response.headers), await response.read())


class Digi(Client):
    """Paths are relative to ``/ws/v1/esim_profiles``."""

    def __init__(self, session: aiohttp.ClientSession, sandbox: Sandbox) -> None:
        super().__init__(session, sandbox.digi_url + "/ws/v1/esim_profiles")
        names = sandbox.credentials
        self.keys = {"X-API-KEY-ID": names.digi_api_key_id, "X-API-KEY-SECRET": names.digi_api_key_secret}

    async def get(self, path: str = "", **query: str | int) -> Answer:
        return await self.send("GET", path, headers=self.keys, params=query)

    async def post(self, path: str, **payload: object) -> Answer:
        return await self.send("POST", path, headers=self.keys, json=payload)

    async def found(self, query: str, path: str = "/inventory") -> list[dict[str, Any]]:
        """Return the rows a query finds."""
        answer = await self.get(path, query=query)
        assert answer.status == 200, answer.text
        return list(answer.json["list"])

    async def profile(self, iccid: str) -> Any:
        answer = await self.get(f"/inventory/{iccid}")
        return answer.json if answer.status == 200 else None


class Esimfly(Client):
    """Signs as upstreams §2.1 says."""

    def __init__(self, session: aiohttp.ClientSession, sandbox: Sandbox) -> None:
        super().__init__(session, sandbox.esimfly_url + "/api/v1/business")
        self._sandbox = sandbox

    def signed(self, body: bytes = b"", *, request_id: str | None = None, skew: float = 0.0) -> dict[str, str]:
        """Return the RT-* headers of *body*; *skew* moves the timestamp by seconds."""
        names = self._sandbox.credentials
        timestamp = str(round((self._sandbox.world.time.now().timestamp() + skew) * 1000))
        identifier = request_id or str(uuid.uuid4())
        text = (timestamp + identifier + names.esimfly_access_code).encode() + body
        digest = hmac.new(names.esimfly_secret_key.encode(), text, hashlib.sha256).hexdigest().upper()
        return {
            "RT-AccessCode": names.esimfly_access_code,
            "RT-RequestID": identifier,
            "RT-Timestamp": timestamp,
            "RT-Signature": digest,
            "Content-Type": "application/json",
        }

    async def ask(self, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        return await self.send(
            "POST", "/esims/status", data=body, headers=self.signed(body) if headers is None else headers
        )

    async def status(self, **payload: object) -> Answer:
        return await self.ask(json.dumps(payload).encode())

    async def esims(self, **query: str | int) -> Answer:
        return await self.send("GET", "/esims", headers=self.signed(), params=query)


class Esimgo(Client):
    """Paths are relative to ``/v2.4``."""

    def __init__(self, session: aiohttp.ClientSession, sandbox: Sandbox) -> None:
        super().__init__(session, sandbox.esimgo_url)
        self.key = {"X-API-Key": sandbox.credentials.esimgo_api_key}

    async def get(self, path: str, **query: str | int) -> Answer:
        return await self.send("GET", path, headers=self.key, params=query)

    async def history(self, iccid: str) -> Answer:
        return await self.get(f"/esims/{iccid}/history")
