"""What an answer that is no success means, by the rules that all vendors share."""

import math

from esim_graph.domain.instants import parse_instant
from esim_graph.errors import (
    UpstreamAuthFailed,
    UpstreamBadResponse,
    UpstreamError,
    UpstreamForbidden,
    UpstreamName,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamUnavailable,
)
from esim_graph.upstreams.messages import Answer, read_http_date

TITLES: dict[UpstreamName, str] = {"digi": "Digi", "esimfly": "eSIMfly", "esimgo": "eSIM Go"}

_SUCCESS = frozenset({200, 201, 202})
_PASSING = frozenset({500, 502, 504})
_LONGEST_WAIT = 86_400.0  # a longer one is a broken header, and would not fit GraphQL's Int as a date
_UNIX_SECONDS = 1_000_000_000  # X-RateLimit-Reset: above this it is an instant, below a duration
_SERVER_ERRORS = 500


def is_success(answer: Answer) -> bool:
    """Whether the vendor says that it did what was asked; 204 and 207 are no such answer."""
    return answer.status in _SUCCESS


def is_passing(answer: Answer) -> bool:
    """Whether the same request may well succeed a moment later. 503 and 429 ask for a longer rest."""
    return answer.status in _PASSING


def refusal(answer: Answer, upstream: UpstreamName) -> UpstreamError:
    """The error that an answer other than a success stands for, by its status alone."""
    title = TITLES[upstream]
    match answer.status:
        case 400:
            return UpstreamRefused(f"{title} refuses the request as wrong.", upstream=upstream)
        case 401:
            return UpstreamAuthFailed(f"{title} refuses our credentials.", upstream=upstream)
        case 403:
            return UpstreamForbidden(f"{title} does not let our credentials see this.", upstream=upstream)
        case 429:
            return rate_limited(answer, upstream)
        case 503:
            return UpstreamUnavailable(
                f"{title} is not available now.", upstream=upstream, retry_after=retry_after(answer)
            )
        case status if status >= _SERVER_ERRORS:
            return UpstreamUnavailable(f"{title} failed with HTTP status {status}.", upstream=upstream)
        case status:
            return UpstreamBadResponse(
                f"{title} answered with HTTP status {status}, which has no meaning here.", upstream=upstream
            )


def rate_limited(answer: Answer, upstream: UpstreamName) -> UpstreamError:
    """The vendor counts too many calls."""
    return UpstreamRateLimited(
        f"{TITLES[upstream]} asks for fewer calls.", upstream=upstream, retry_after=retry_after(answer)
    )


def unreadable(upstream: UpstreamName, why: str) -> UpstreamBadResponse:
    """The answer says success and is something else; *why* is ours and has no vendor text."""
    return UpstreamBadResponse(f"{TITLES[upstream]} sent an answer that {why}.", upstream=upstream)


def retry_after(answer: Answer) -> float | None:
    """Seconds to wait as the headers say; None where they say nothing that makes sense.

    ``Retry-After`` is seconds or an HTTP date; ``X-RateLimit-Reset`` is an ISO 8601 instant,
    Unix seconds on an older page of eSIMfly, or seconds to go.

    Source: upstreams.md §2.4, RFC 9110 §10.2.3.
    """
    if text := answer.headers.get("Retry-After"):
        seconds = _number(text)
        if seconds is None and (date := read_http_date(text)) is not None:
            seconds = (date - answer.received_at).total_seconds()
        if seconds is not None:
            return _bounded(seconds)
    if text := answer.headers.get("X-RateLimit-Reset"):
        seconds = _number(text)
        if seconds is not None and seconds >= _UNIX_SECONDS:
            seconds -= answer.received_at.timestamp()
        if seconds is None and (instant := parse_instant(text)) is not None:
            seconds = (instant - answer.received_at).total_seconds()
        if seconds is not None:
            return _bounded(seconds)
    return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), _LONGEST_WAIT)
