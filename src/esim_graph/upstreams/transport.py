"""The only place that sends to a vendor: deadlines, limits, the one retry, counters, one log line."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

import aiohttp
from yarl import URL

from esim_graph.clock import Clock, Deadline
from esim_graph.errors import (
    GatewayError,
    UpstreamBadResponse,
    UpstreamError,
    UpstreamName,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from esim_graph.telemetry import Metrics, logger
from esim_graph.upstreams.limits import Limits
from esim_graph.upstreams.messages import Answer, Request
from esim_graph.upstreams.refusals import TITLES, is_passing, unreadable
from esim_graph.upstreams.sender import Tally

T = TypeVar("T")

ATTEMPT_TIMEOUT = 15.0  # a live status takes 1 to 10 s; what takes longer is not coming
ACTION_SHARE = 0.5  # of its time that an action must have left when its turn comes
RETRY_WITHIN = 0.25  # the one retry follows after a random part of this
_CLIENT_ERRORS = range(400, 500)
_PROXY_ERRORS = (502, 504)  # of what stands before the vendor, which may still be at it


class _AttemptFailed(Exception):
    """One attempt ended without an answer.

    Attributes:
        error: what the caller is told.
        reason: the class of what aiohttp raised. Its text stays out: it has the address with
            the query in it.
        passing: whether another attempt may well succeed.
        sent: whether the vendor may have seen the request.
    """

    def __init__(self, error: UpstreamError, reason: BaseException | None, *, passing: bool, sent: bool) -> None:
        super().__init__(error.message)
        self.error = error
        self.reason = type(reason).__name__ if reason is not None else None
        self.passing = passing
        self.sent = sent


class Transport:
    """Sends one vendor's requests with one credential.

    Args:
        upstream: which vendor.
        base_url: where its paths start; may have a path of its own.
        session: keeps connections open between calls.
        fresh: opens a connection for each call. What changes something goes here: on a kept
            connection that the vendor has just closed, nobody can tell whether it acted.
        sign: the headers of one attempt, asked for right before it is sent.
        worth_retrying: whether an answer is a failure that may pass in a moment.
        limits: how many calls the credential may make.
        metrics: where calls are counted.
        clock: where the time comes from.
        jitter: random numbers from 0 to 1.
        attempt_timeout: seconds for one attempt.
    """

    def __init__(
        self,
        upstream: UpstreamName,
        *,
        base_url: str,
        session: aiohttp.ClientSession,
        fresh: aiohttp.ClientSession,
        sign: Callable[[Request], Mapping[str, str]],
        limits: Limits,
        metrics: Metrics,
        clock: Clock,
        jitter: Callable[[], float],
        worth_retrying: Callable[[Answer], bool] = is_passing,
        attempt_timeout: float = ATTEMPT_TIMEOUT,
    ) -> None:
        self._upstream: UpstreamName = upstream
        self._title = TITLES[upstream]
        self._base_url = base_url.rstrip("/")
        self._session = session
        self._fresh = fresh
        self._sign = sign
        self._limits = limits
        self._clock = clock
        self._jitter = jitter
        self._worth_retrying = worth_retrying
        self._attempt_timeout = attempt_timeout
        self._tally = Tally(upstream, metrics)
        self._log = logger().bind(upstream=upstream)

    def require(self) -> None:
        """Nothing: there are credentials."""

    async def send(self, request: Request, read: Callable[[Answer], T], *, deadline: Deadline) -> T:
        """Send *request* and return what *read* makes of the answer.

        *read* gets every answer, whatever its status, and raises what a refusal means. A
        request that changes something is sent once; where its outcome is unknown, the error
        says so and is not retryable.

        Raises:
            UpstreamTimeout: no whole answer before *deadline*, or within one attempt's time.
            UpstreamUnavailable: no connection, or one that was lost.
            UpstreamRateLimited: our own limits leave no room before *deadline*; nothing was sent.
            UpstreamBadResponse: the answer is cut short or larger than ``request.max_bytes``.
        """
        began = self._clock.monotonic()
        status = None
        try:
            answer = await self._deliver(request, deadline)
            status = answer.status
            value = await asyncio.to_thread(read, answer) if request.heavy else read(answer)
        except _AttemptFailed as failed:
            error = failed.error if request.idempotent or not failed.sent else _outcome_unknown(failed.error)
            self._log_failure(request, error, began, reason=failed.reason)
            raise error from None
        except GatewayError as refused:
            if status is not None:
                self._tally.outcome(request.endpoint, refused.code)
            self._log_failure(request, refused, began, status=status)
            if request.idempotent or status is None or status in _CLIENT_ERRORS:
                raise
            raise _outcome_unknown(_behind_a_proxy(refused) if status in _PROXY_ERRORS else refused) from None
        self._tally.outcome(request.endpoint, "ok")
        self._log.debug("upstream_call", endpoint=request.endpoint, status=status)
        return value

    def note_skipped(self, request: Request, rows: int) -> None:
        """Say in the log that *rows* of an answer could not be used."""
        if rows:
            self._log.warning("upstream_rows_skipped", endpoint=request.endpoint, rows=rows)

    async def _deliver(self, request: Request, deadline: Deadline) -> Answer:
        if request.idempotent and (answer := await self._first_of_two(request, deadline)) is not None:
            return answer
        return await self._attempt(request, deadline)

    async def _first_of_two(self, request: Request, deadline: Deadline) -> Answer | None:
        """The first attempt's answer; None, after a random pause, if a second one is due."""
        try:
            answer = await self._attempt(request, deadline)
        except _AttemptFailed as failed:
            pause = self._jitter() * RETRY_WITHIN
            if not failed.passing or pause >= deadline.remaining():
                raise
        else:
            if not self._worth_retrying(answer):
                return answer
            pause = self._jitter() * RETRY_WITHIN
            if pause >= deadline.remaining():
                return answer
            self._tally.outcome(request.endpoint, UpstreamUnavailable.code)
        await self._clock.sleep(pause)
        return None

    async def _attempt(self, request: Request, deadline: Deadline) -> Answer:
        patience = deadline.remaining()
        if patience <= 0:
            raise UpstreamTimeout(f"There was no time left to ask {self._title}.", upstream=self._upstream)
        await self._limits.enter(deadline)
        if not request.idempotent and deadline.remaining() < patience * ACTION_SHARE:
            # Sent now, its answer would hardly come in time, and nobody would know what it did.
            self._limits.leave()
            raise UpstreamTimeout(
                f"{self._title} was too busy with other calls; this one was not sent.", upstream=self._upstream
            )
        began = self._clock.monotonic()
        try:
            return await self._exchange(request, min(self._attempt_timeout, deadline.remaining()))
        except _AttemptFailed as failed:
            self._tally.outcome(request.endpoint, failed.error.code)
            raise
        finally:
            self._limits.leave()
            self._tally.seconds(request.endpoint, self._clock.monotonic() - began)

    async def _exchange(self, request: Request, seconds: float) -> Answer:
        query = "?" + request.query if request.query else ""
        session = self._session if request.idempotent else self._fresh
        try:
            async with asyncio.timeout(seconds):
                response = await session.request(
                    request.method,
                    URL(self._base_url + request.path + query, encoded=True),
                    headers=self._sign(request),
                    data=request.body,
                    allow_redirects=False,
                )
                try:
                    body = await self._read_body(response, request.max_bytes)
                except BaseException:
                    response.close()  # and the connection, which has the rest of the answer on it
                    raise
        except aiohttp.ClientConnectorCertificateError as error:
            raise self._unreached("its TLS certificate is not trusted", error, passing=False) from None
        except aiohttp.ConnectionTimeoutError as error:
            raise self._unreached("no connection could be opened in time", error, passing=False) from None
        except aiohttp.ClientConnectorError as error:
            raise self._unreached("no connection could be opened", error, passing=True) from None
        except TimeoutError as error:
            late = UpstreamTimeout(f"{self._title} did not answer in time.", upstream=self._upstream)
            raise _AttemptFailed(late, error, passing=False, sent=True) from None
        except aiohttp.ClientPayloadError as error:
            cut = unreadable(self._upstream, "is cut short or wrongly encoded")
            raise _AttemptFailed(cut, error, passing=True, sent=True) from None
        except aiohttp.ClientResponseError as error:
            no_http = unreadable(self._upstream, "is not HTTP")
            raise _AttemptFailed(no_http, error, passing=False, sent=True) from None
        except (aiohttp.ClientError, OSError) as error:
            lost = UpstreamUnavailable(f"The connection to {self._title} was lost.", upstream=self._upstream)
            raise _AttemptFailed(lost, error, passing=True, sent=True) from None
        return Answer(status=response.status, headers=response.headers, body=body, received_at=self._clock.now())

    async def _read_body(self, response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
        """Read at most *max_bytes*, counted behind decompression, which goes piece by piece."""
        pieces = []
        room = max_bytes
        while piece := await response.content.readany():
            room -= len(piece)
            if room < 0:
                large = unreadable(self._upstream, "is larger than allowed")
                raise _AttemptFailed(large, None, passing=False, sent=True)
            pieces.append(piece)
        return b"".join(pieces)

    def _unreached(self, why: str, error: BaseException, *, passing: bool) -> _AttemptFailed:
        unavailable = UpstreamUnavailable(f"{self._title} cannot be reached: {why}.", upstream=self._upstream)
        return _AttemptFailed(unavailable, error, passing=passing, sent=False)

    def _log_failure(
        self,
        request: Request,
        error: GatewayError,
        began: float,
        *,
        status: int | None = None,
        reason: str | None = None,
    ) -> None:
        self._log.warning(
            "upstream_call_failed",
            endpoint=request.endpoint,
            code=error.code,
            status=status,
            reason=reason,
            seconds=round(self._clock.monotonic() - began, 3),
        )


def _behind_a_proxy(error: GatewayError) -> GatewayError:
    """No answer of the vendor's own: for what changes something that is silence, and not an end."""
    if not isinstance(error, UpstreamError):
        return error
    return UpstreamTimeout(f"{TITLES[error.upstream]} did not answer in time.", upstream=error.upstream)


def _outcome_unknown(error: GatewayError) -> GatewayError:
    """The same error for what changes something: trying again could act twice."""
    if not isinstance(error, UpstreamTimeout | UpstreamUnavailable | UpstreamBadResponse):
        return error
    message = f"{error.message.rstrip('.')}, so it is not known whether the action was carried out."
    return type(error)(message, upstream=error.upstream, retryable=False)
