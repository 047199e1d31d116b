"""Rules that the whole house keeps, each by one test that walks all of it."""

import asyncio
import inspect
import logging
import re
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import structlog
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    Undefined,
    get_named_type,
)

from esim_graph import errors, requests, subjects
from esim_graph.config import describe
from esim_graph.dispatch import Dispatch
from esim_graph.errors import GatewayError
from esim_graph.journal import Journal, rows
from esim_graph.progress import Progress, leases, log
from esim_graph.sandbox import landmarks
from esim_graph.schema import print_sdl
from esim_graph.telemetry import configure_logging
from support.gateway import SCHEMA, open_gateway

ROOT = Path(__file__).parents[1]
# fmt: off
CODES = {
    "BAD_USER_INPUT", "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "CONFLICTING_OPERATION", "IDEMPOTENCY_KEY_REUSED",
    "CURSOR_EXPIRED", "QUERY_TOO_EXPENSIVE", "RATE_LIMITED", "PERSISTED_QUERY_NOT_FOUND", "OPERATION_TIMEOUT",
    "UPSTREAM_NOT_CONFIGURED", "UPSTREAM_UNAVAILABLE", "UPSTREAM_TIMEOUT", "UPSTREAM_RATE_LIMITED",
    "UPSTREAM_AUTH_FAILED", "UPSTREAM_FORBIDDEN", "UPSTREAM_PROCESSING", "UPSTREAM_BAD_RESPONSE", "INTERNAL",
}
# fmt: on
# Whose fields come from a vendor by way of a loader, and not from a value that is there already.
BEHIND_VENDORS = ("Query", "Esim")
# What is there without asking anybody, or is a list of nullable things.
NEVER_ABSENT = {"Query.esimsByIccid", "Query.nodes", "Esim.iccid", "Esim.id"}

# What goes by the age of rows alone.
FOR_ALL = {"esim_graph.requests.prune"}


def _error_classes() -> list[type[GatewayError]]:
    found = [GatewayError]
    for known in found:
        found.extend(child for child in known.__subclasses__() if child not in found)
    return found[1:]


def _own_types() -> list[GraphQLNamedType]:
    return [known for name, known in sorted(SCHEMA.type_map.items()) if not name.startswith("__")]


def _described() -> Iterator[tuple[str, str | None]]:
    """Everything that a caller reads about, and what it says."""
    builtin = {"Boolean", "Float", "ID", "Int", "String"}
    for known in _own_types():
        if known.name in builtin:
            continue
        yield known.name, known.description
        if isinstance(known, GraphQLEnumType):
            for name, value in known.values.items():
                yield f"{known.name}.{name}", value.description
        if isinstance(known, GraphQLInputObjectType):
            for name, member in known.fields.items():
                yield f"{known.name}.{name}", member.description
        if isinstance(known, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in known.fields.items():
                yield f"{known.name}.{name}", field.description
                for argument, described in field.args.items():
                    yield f"{known.name}.{name}({argument}:)", described.description


@pytest.mark.parametrize("error", _error_classes(), ids=lambda error: error.__name__)
def test_an_error_has_a_code_a_sentence_and_the_one_root(error: type[GatewayError]) -> None:
    """So that a caller can act on it and a reader can find it."""
    if error is not errors.UpstreamError:  # nobody raises that one itself
        assert error.code in CODES
    assert (error.__doc__ or "").strip()
    assert error.__name__ in (errors.__doc__ or "")
    assert issubclass(error, GatewayError)
    assert error.__module__ == errors.__name__


def test_every_error_of_the_module_has_the_one_root() -> None:
    """None stands beside the tree."""
    defined = [known for known in vars(errors).values() if isinstance(known, type) and issubclass(known, Exception)]

    assert set(defined) == {GatewayError, *_error_classes()}


def test_everything_in_the_graph_is_described_in_a_sentence() -> None:
    """It is the page that frontend developers read: a capital at the beginning, a full stop at the end."""
    poor = [
        f"{place}: {text!r}"
        for place, text in _described()
        if not text or not (text[0].isupper() or text[0] in "`'\"0123456789") or text.rstrip()[-1] not in ".…!?`)"
    ]

    assert not poor, "\n".join(poor)


def test_every_field_behind_a_vendor_is_nullable() -> None:
    """One dead vendor nulls its own branch and no more."""
    strict = [
        f"{name}.{field}"
        for name in BEHIND_VENDORS
        for field, defined in SCHEMA.type_map[name].fields.items()  # type: ignore[attr-defined]
        if isinstance(defined.type, GraphQLNonNull)
    ]

    assert set(strict) <= NEVER_ABSENT


def test_no_default_is_an_enum() -> None:
    """A sorted schema could not print it."""
    for known in _own_types():
        members: list[Any] = []
        if isinstance(known, GraphQLInputObjectType):
            members = list(known.fields.values())
        elif isinstance(known, GraphQLObjectType | GraphQLInterfaceType):
            members = [argument for field in known.fields.values() for argument in field.args.values()]
        for member in members:
            if isinstance(get_named_type(member.type), GraphQLEnumType):
                assert member.default_value is Undefined, known.name


def test_every_vendor_fed_enum_has_a_word_for_the_unknown() -> None:
    """And every ``Raw`` beside it is text; a vendor's new word must not break an answer."""
    for known in _own_types():
        if isinstance(known, GraphQLObjectType):
            for name in known.fields:
                if f"{name}Raw" in known.fields:
                    named = get_named_type(known.fields[name].type)
                    if isinstance(named, GraphQLEnumType):
                        assert "UNKNOWN" in named.values, f"{known.name}.{name}"


def test_the_schema_is_the_committed_one() -> None:
    """``make schema`` writes it anew."""
    assert (ROOT / "schema.graphql").read_text(encoding="utf-8") == print_sdl()


def test_every_setting_is_documented() -> None:
    """In ``docs/settings.md``."""
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")

    assert not [variable for variable, _ in describe() if variable not in page]


def test_every_code_is_documented() -> None:
    """In ``docs/errors.md``: those that this version gives, at least."""
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    given = {error.code for error in _error_classes() if error is not errors.UpstreamError} | {"INTERNAL"}

    assert not [code for code in sorted(given) if code not in page]


def test_no_module_knows_whether_it_speaks_to_the_sandbox() -> None:
    """The gateway has no sandbox mode: the sandbox is another base URL."""
    source = ROOT / "src" / "esim_graph"
    outside = [path for path in source.rglob("*.py") if not {"sandbox", "cli"} & set(path.relative_to(source).parts)]

    assert not [path for path in outside if re.search(r"\bif\b.*\bsandbox\b", path.read_text(encoding="utf-8"))]


def _stores() -> Iterator[tuple[str, list[str]]]:
    """What reads and writes rows that several share, and its parameters behind the connection."""
    for module in (requests, subjects, rows, log, leases):
        for name, known in vars(module).items():
            if inspect.iscoroutinefunction(known) and not name.startswith("_") and known.__module__ == module.__name__:
                first, *others = inspect.signature(known).parameters
                assert first == "connection", f"{module.__name__}.{name}"
                yield f"{module.__name__}.{name}", others
    for room in (Journal, Progress, Dispatch):
        _, *others = inspect.signature(room.__init__).parameters
        yield room.__qualname__, others


def test_every_store_is_told_first_whose_rows_it_is_for() -> None:
    """So that no row of another's is found, changed or counted by forgetting it."""
    stores = dict(_stores())

    assert len(stores) > len(FOR_ALL) + 30
    assert {name for name, others in stores.items() if others[:1] not in (["account"], ["tenant"])} <= FOR_ALL


@pytest.fixture
def log_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


@pytest.mark.usefixtures("log_as_it_was")
async def test_no_secret_and_no_vendors_text_is_logged_or_answered(capfd: pytest.CaptureFixture[str]) -> None:
    """At the loudest level, through good calls and bad ones: credentials, activation code, a vendor's words."""
    code = "LPA:1$rsp-eu.simlessly.com$MARKED-ACTIVATION-CODE"
    text = "marked vendor text"
    device = landmarks.READY_TO_DOWNLOAD
    download = "mutation ($i: ProfileDownloadInput!) { profileDownload(input: $i) { userErrors { code message } } }"
    wanted = {"deviceId": device.device_id, "activationCode": code}
    iccid = landmarks.KNOWN_TO_ALL.iccid
    read = f'{{ esim(iccid: "{iccid}") {{ profile {{ eid }} liveStatus {{ status }} bundleHistory {{ name }} }} }}'
    watch = 'subscription { transactionProgress(vendorId: "x") { sequence } }'
    configure_logging("debug")
    answers: list[Any] = []
    async with open_gateway(profiles={"ttl": 0}, live_status={"ttl": 0}, bundle_history={"ttl": 0}) as gateway:
        credentials = gateway.sandbox.credentials
        secrets = [
            credentials.digi_api_key_secret,
            credentials.esimfly_secret_key,
            credentials.esimgo_api_key,
            "MARKED-ACTIVATION-CODE",
            text,
        ]
        for fault in (
            None,
            {"kind": "status", "status": 400, "body": f'{{"error_message": "{text}", "message": "{text}"}}'},
            {"kind": "status", "status": 500, "body": text},
            {"kind": "html", "body": text},
            {"kind": "wrong_shape"},
            {"kind": "invalid_json"},
            {"kind": "cut_body"},
            {"kind": "reset_after"},
        ):
            if fault is not None:
                gateway.sandbox.faults.script(**fault)
            answers.append(await gateway.ask(read))
            answers.append(await gateway.ask(download, {"i": wanted}))
            async with asyncio.timeout(10), aclosing(gateway.watch(watch)) as events:
                answers.append(await anext(events))
            gateway.sandbox.faults.clear()
        # Mistakes that graphql-core would quote.
        for query, variables in (
            (f'mutation {{ profileDownload(input: {{activationCode: "{code}"}}) {{ userErrors {{ code }} }} }}', None),
            (f'mutation {{ profileDownload(input: "{code}") {{ userErrors {{ code }} }} }}', None),
            (f'{{ esim(iccid: "{code}") {{ eid }} }}', None),
            (f'mutation {{ profileDownload(input: {{activationCode: "{code}', None),
            (download, {"i": {"activationCode": code}}),
            (download, {"i": wanted | {"nothing": code}}),
            (download, {"i": code}),
            (download, {"i": wanted | {"deviceId": [code]}}),
        ):
            answers.append(await gateway.ask(query, variables))

    said = "".join(capfd.readouterr()) + repr(answers)
    assert "upstream_call_failed" in said
    assert not [secret for secret in secrets if secret in said]
