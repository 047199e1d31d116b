"""What the gateway says about itself: one JSON object a line, the request's id in it, and counters of its own."""

import logging

import orjson
import pytest

from esim_graph.telemetry import Metrics, configure_logging, logger, new_request_id, request_id


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    said = capsys.readouterr()
    assert said.out == "", "standard output belongs to what commands print"
    return [orjson.loads(line) for line in said.err.splitlines()]


def _fail(error: Exception) -> None:
    raise error


def test_a_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is in it."""
    configure_logging("info")

    logger().info("operation_accepted", kind="enable", text='two\nlines "quoted" é', what=object)

    (line,) = _lines(capsys)
    assert (line["event"], line["level"], line["kind"]) == ("operation_accepted", "info", "enable")
    assert line["text"] == 'two\nlines "quoted" é'
    assert "timestamp" in line


def test_a_line_carries_the_requests_id(capsys: pytest.CaptureFixture[str]) -> None:
    """And none where there is no request."""
    configure_logging("info")
    logger().info("outside")
    token = request_id.set("abc")
    logger().info("inside")
    request_id.reset(token)

    outside, inside = _lines(capsys)

    assert "request_id" not in outside
    assert inside["request_id"] == "abc"


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_the_level_is_the_settings(capsys: pytest.CaptureFixture[str], level: str, said: list[str]) -> None:
    """What is below it is not said."""
    configure_logging(level)

    for name in ("debug", "info", "warning", "error"):
        getattr(logger(), name)("event")

    assert [line["level"] for line in _lines(capsys)] == said


def test_an_exception_is_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Not behind it."""
    configure_logging("info")

    try:
        _fail(RuntimeError("unforeseen"))
    except RuntimeError:
        logger().exception("request_failed")

    (line,) = _lines(capsys)
    assert "RuntimeError: unforeseen" in str(line["exception"])


def test_libraries_speak_the_same_way_without_their_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """An argument may be an address with a query in it, or an exception's text."""
    configure_logging("info")

    logging.getLogger("uvicorn.error").warning("failed for %s", "sk_marked_secret")
    try:
        _fail(ValueError("sk_marked_secret"))
    except ValueError:
        logging.getLogger("asyncio").exception("Task exception was never retrieved\nfuture: sk_marked_secret")

    first, second = _lines(capsys)
    assert (first["logger"], first["event"]) == ("uvicorn.error", "failed for %s")
    assert (second["event"], second["error"]) == ("Task exception was never retrieved", "ValueError")
    assert "sk_marked_secret" not in f"{first}{second}"


def test_libraries_chatter_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Not even at the loudest level."""
    configure_logging("debug")

    logging.getLogger("uvicorn.error").info("Application startup complete.")

    assert _lines(capsys) == []


def test_request_ids_are_not_guessed() -> None:
    """64 random bits, in letters that need no escaping."""
    identifiers = {new_request_id() for _ in range(100)}

    assert len(identifiers) == 100
    assert {len(identifier) for identifier in identifiers} == {16}


def test_metrics_of_two_gateways_do_not_mix() -> None:
    """Each has a registry of its own."""
    first, second = Metrics(), Metrics()

    first.operations.labels("query", "ok").inc()

    assert b'esim_graph_operations_total{outcome="ok",type="query"} 1.0' in first.exposition()
    assert b'outcome="ok"' not in second.exposition()
