"""eSIM Go's spelling of a bundle history, in all the shapes that were seen.

Source: eSIM Go v2.4, "Get eSIM history" (page 003); shapes: upstreams.md §3.3; errors: §3.1.
"""

from esim_graph.domain.bundle import BundleEvent, BundleEventKind, BundleState
from esim_graph.errors import UpstreamAuthFailed, UpstreamError, UpstreamForbidden, UpstreamProcessing
from esim_graph.upstreams import reading
from esim_graph.upstreams.messages import MEBIBYTE, Answer, Request, build_path, build_query
from esim_graph.upstreams.reading import Json, Members, Rows
from esim_graph.upstreams.refusals import is_success, refusal, retry_after, unreadable

_CONTAINERS = ("actions", "history")
_BAD_REQUEST, _FORBIDDEN, _COME_BACK_LATER = 400, 403, 503
_USUAL_WAIT = 30.0  # where Retry-After is missing or unreadable; processing takes up to 10 minutes


def get_history(iccid: str) -> Request:
    """Ask for one eSIM's history."""
    return Request(
        method="GET",
        endpoint="bundle_history",
        path=build_path("esims", iccid, "history"),
        idempotent=True,
        max_bytes=MEBIBYTE,
    )


def get_first_esims() -> Request:
    """Ask for the shortest list there is, to see whether the key is good."""
    return Request(
        method="GET", endpoint="check", path=build_path("esims"), query=build_query(perPage=10), idempotent=True
    )


def read_history(answer: Answer) -> Rows[BundleEvent]:
    """The events in eSIM Go's order; its own rows may have equal times, so they are not sorted.

    Raises:
        UpstreamForbidden: a 400 or 403. Either may mean "unknown", "not yours" or a bad key.
        UpstreamProcessing: a 503, by which eSIM Go says "come back later"; it is no outage.
        UpstreamBadResponse: the answer is no history.
    """
    if not is_success(answer):
        if answer.status in (_BAD_REQUEST, _FORBIDDEN):
            raise UpstreamForbidden(
                "eSIM Go does not know this eSIM or does not let our key see it.", upstream="esimgo"
            )
        raise _refusal(answer)
    return reading.read_rows(_events(reading.parse_json(answer, "esimgo")), _event, "esimgo")


def read_check(answer: Answer) -> float | None:
    """Nothing but that the key is good; the value is the vendor's clock offset."""
    if is_success(answer):
        return answer.clock_offset
    if answer.status == _FORBIDDEN:  # no ICCID was named, so it is the key
        raise UpstreamAuthFailed("eSIM Go refuses our API key.", upstream="esimgo")
    raise _refusal(answer)


def _events(body: Json) -> Json:
    """The rows of an array, of an object around one, or of a single event; null is an empty list."""
    if isinstance(body, dict):
        if "name" in body:  # the schema says object, where every example is an array
            return [body]
        container = next((name for name in _CONTAINERS if name in body), None)
        if container is None:
            raise unreadable("esimgo", "has no history")
        body = body[container]
    return [] if body is None else body


def _event(row: Members) -> BundleEvent | None:
    """One event; None if it does not say what happened."""
    name = reading.identifier(row.get("name"))
    if name is None:
        return None
    state = reading.text(row.get("bundleState"))
    date = row.get("date")
    return BundleEvent(
        name=name,
        kind=BundleEventKind.read(name) or BundleEventKind.UNKNOWN,
        bundle_name=reading.identifier(row.get("bundleName")) or reading.identifier(row.get("bundle")),
        bundle_state=BundleState.read(state),
        bundle_state_raw=state,
        occurred_at=reading.instant(date),
        occurred_at_raw=reading.text(date),
        alert_type=reading.text(row.get("alertType")),
    )


def _refusal(answer: Answer) -> UpstreamError:
    if answer.status == _COME_BACK_LATER:
        wait = retry_after(answer)
        return UpstreamProcessing(
            "eSIM Go is still working on it and asks to come back later.",
            upstream="esimgo",
            retry_after=_USUAL_WAIT if wait is None else wait,
        )
    return refusal(answer, "esimgo")
