"""What the gateway says about itself: JSON log lines, a request id, counters and histograms."""

import logging
import secrets
import sys
from contextvars import ContextVar

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

request_id: ContextVar[str] = ContextVar("request_id", default="-")  #: of the request being served

METRICS_CONTENT_TYPE = CONTENT_TYPE_LATEST

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30)

Logger = structlog.typing.FilteringBoundLogger


def new_request_id() -> str:
    """A request id nobody can guess or collide with."""
    return secrets.token_hex(8)


def configure_logging(level: str) -> None:
    """Write one JSON object per line to standard error, uvicorn's and asyncio's included."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _add_request_id,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        level=max(_LEVELS[level], logging.WARNING),
        handlers=[_ToStructlog()],
        force=True,
        format="%(message)s",
    )


def logger() -> Logger:
    """The program's log; events are words with underscores, details are key words."""
    log: Logger = structlog.get_logger()
    return log


class Metrics:
    """The process's counters, in a registry of its own so that tests can run side by side."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.upstream_calls = Counter(
            "esim_graph_upstream_calls",
            "Requests sent to vendors, retries included; outcome is ok or an error code.",
            ["upstream", "endpoint", "outcome"],
            registry=self.registry,
        )
        self.upstream_seconds = Histogram(
            "esim_graph_upstream_seconds",
            "How long a vendor took to answer one request.",
            ["upstream", "endpoint"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.operations = Counter(
            "esim_graph_operations",
            "GraphQL operations; outcome is ok, partial, refused or failed.",
            ["type", "outcome"],
            registry=self.registry,
        )
        self.operation_seconds = Histogram(
            "esim_graph_operation_seconds",
            "How long a query or mutation took.",
            ["type"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.remembered_reads = Counter(
            "esim_graph_remembered_reads",
            "Reads of what may be remembered, by where the answer came from.",
            ["kind", "served_from"],
            registry=self.registry,
        )
        self.followed = Gauge(
            "esim_graph_followed",
            "Transactions and operations that are being followed now.",
            registry=self.registry,
        )
        self.database_writes = Counter(
            "esim_graph_database_writes",
            "Writes to the database that were committed.",
            registry=self.registry,
        )
        self.database_commits = Counter(
            "esim_graph_database_commits",
            "Commits of the database; each is durable, and holds all writes that waited together.",
            registry=self.registry,
        )
        self.status_changes = Counter(
            "esim_graph_status_changes",
            "Status changes that this process wrote to the journal.",
            registry=self.registry,
        )
        self.observations_dropped = Counter(
            "esim_graph_observations_dropped",
            "Moments at which more was observed than the journal could take in.",
            registry=self.registry,
        )
        self.requests = Counter(
            "esim_graph_requests",
            "Actions and operations that callers asked for, by what became of them.",
            ["noun", "outcome"],
            registry=self.registry,
        )
        self.subscriptions = Gauge(
            "esim_graph_subscriptions",
            "Subscriptions open now.",
            ["transport"],
            registry=self.registry,
        )

    def exposition(self) -> bytes:
        """All of them in the text format of Prometheus."""
        return generate_latest(self.registry)


def _dumps(value: object, **_: object) -> str:
    return orjson.dumps(value, default=str).decode()


def _add_request_id(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if (current := request_id.get()) != "-":
        event.setdefault("request_id", current)
    return event


class _ToStructlog(logging.Handler):
    """Sends the standard library's records the same way; their arguments stay out of the line."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger().bind(logger=record.name)
        details = {"error": record.exc_info[0].__name__} if record.exc_info and record.exc_info[0] else {}
        log.log(record.levelno, str(record.msg).split("\n", 1)[0], **details)
