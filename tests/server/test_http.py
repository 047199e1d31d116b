"""GraphQL over HTTP: methods, members, media types, and what each of them gets."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from graphql import get_introspection_query

from esim_graph.sandbox import landmarks
from esim_graph.server import http
from server.client import START, ask, post
from support.gateway import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "{ __typename }"
JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
URQL = f"{GRAPHQL_JSON}, application/graphql+json, {JSON}, text/event-stream, multipart/mixed"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


async def test_a_query_is_answered_over_post(shared: Served) -> None:
    """The README's first call: a document and its variables in, data out, in JSON."""
    query = "query One($iccid: ICCID!) { esim(iccid: $iccid) { iccid } }"
    variables = {"iccid": landmarks.KNOWN_TO_ALL.iccid}

    status, answer, response = await post(
        shared, {"query": query, "variables": variables, "operationName": "One", "extensions": {}}
    )

    assert status == 200
    assert answer == {"data": {"esim": {"iccid": landmarks.KNOWN_TO_ALL.iccid}}}
    assert response.headers["content-type"] == f"{JSON}; charset=utf-8"


async def test_a_query_is_answered_over_get(shared: Served) -> None:
    """A link can hold a query, its variables as JSON."""
    query = {"query": "query ($i: ICCID!) { esim(iccid: $i) { iccid } }", "variables": '{"i": "8948010010036785060"}'}

    async with shared.http.get(shared.graphql, params=query) as response:
        assert await response.json() == {"data": {"esim": {"iccid": "8948010010036785060"}}}


async def test_a_mutation_over_get_is_refused_and_does_nothing(shared: Served) -> None:
    """A link, an image or a prefetch must not be able to act on a device."""
    shared.sandbox.calls.clear()
    query = (
        START.replace("$input: OperationStartInput!", "")
        .replace("()", "")
        .replace("$input", '{kind: ACTIVATE, deviceId: "00000000-00000000-00409DFF-FF000002", carrier: "Vodafone UK"}')
    )

    async with shared.http.get(shared.graphql, params={"query": query}) as response:
        assert response.status == 405
        assert response.headers["allow"] == "POST"

    assert len(shared.sandbox.calls) == 0


async def test_operation_name_chooses_among_several(shared: Served) -> None:
    """One document may hold all operations of a page."""
    query = "query A { a: __typename } query B { b: __typename }"

    _, answer, _ = await post(shared, {"query": query, "operationName": "B"})

    assert answer == {"data": {"b": "Query"}}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
async def test_other_methods_are_told_which_to_use(shared: Served, method: str) -> None:
    """405 names the methods that work."""
    async with shared.http.request(method, shared.graphql) as response:
        assert response.status == 405
        assert response.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/graphql"],
)
async def test_only_json_bodies_are_read(shared: Served, content_type: str) -> None:
    """What a form on another site can send without asking is not among them."""
    status, answer, _ = await post(shared, {"query": NAME}, content_type=content_type)

    assert status == 415
    assert answer["errors"][0]["message"] == "Content-Type must be application/json."


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON;charset=UTF-8"])
async def test_a_content_type_may_have_parameters(shared: Served, content_type: str) -> None:
    """As many clients send it."""
    status, answer, _ = await post(shared, {"query": NAME}, content_type=content_type)

    assert (status, answer) == (200, {"data": {"__typename": "Query"}})


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd"])
async def test_a_compressed_body_is_refused(shared: Served, encoding: str) -> None:
    """A small one could become large; nothing is unpacked."""
    status, answer, _ = await post(shared, b"\x1f\x8b\x08\x00", content_encoding=encoding)

    assert status == 415
    assert answer["errors"][0]["message"] == "Content-Encoding must be identity."


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (JSON, JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, {JSON};q=0.9", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0.2, {JSON}", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("", JSON),
        (f"{JSON};q=0, */*", GRAPHQL_JSON),
        ("*/*;q=0.1, text/html;q=0", JSON),
        ("application/json;charset=utf-8", JSON),
        (URQL, JSON),
    ],
)
async def test_the_answer_has_the_type_asked_for(shared: Served, accept: str, media_type: str) -> None:
    """A query is JSON for whoever takes JSON, urql's long list included, which is no wish for a stream."""
    status, answer, response = await post(shared, {"query": NAME}, accept=accept)

    assert (status, answer) == (200, {"data": {"__typename": "Query"}})
    assert response.content_type == media_type


async def test_a_caller_without_accept_gets_json(shared: Served) -> None:
    """As RFC 9110 has it: no header, any type."""
    async with shared.http.post(shared.graphql, json={"query": NAME}, skip_auto_headers=["Accept"]) as response:
        assert response.content_type == JSON
        assert await response.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("accept", ["image/png", "text/plain, text/css", "application/json;q=0", "nonsense"])
async def test_a_type_that_nobody_can_give_is_refused_before_anything_runs(shared: Served, accept: str) -> None:
    """406 names what can be had, and no vendor was asked."""
    shared.sandbox.calls.clear()
    query = '{ esim(iccid: "8948010010036785060") { profile { carrier } } }'

    status, answer, _ = await post(shared, {"query": query}, accept=accept)

    assert status == 406
    assert "application/json" in answer["errors"][0]["message"]
    assert len(shared.sandbox.calls) == 0


@pytest.mark.parametrize(("accept", "status"), [(JSON, 200), (GRAPHQL_JSON, 400), ("*/*", 200)])
async def test_a_refused_document_says_so_as_the_type_allows(shared: Served, accept: str, status: int) -> None:
    """Plain JSON keeps 200 for clients that know no better; the newer type may say 400."""
    found, answer, _ = await post(shared, {"query": "{ nothing }"}, accept=accept)

    assert found == status
    assert "data" not in answer
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_failed_branch_is_200_in_either_type(shared: Served) -> None:
    """Something ran, so the answer is an answer."""
    query = '{ operation(vendorId: " ") { status } }'

    status, answer, _ = await post(shared, {"query": query}, accept=GRAPHQL_JSON)

    assert status == 200
    assert answer["data"] == {"operation": None}


@pytest.mark.parametrize("path", ["", "?query={__typename}", "?query=mutation{x}&variables={"])
async def test_a_browser_gets_graphiql(shared: Served, path: str) -> None:
    """Whatever the link holds."""
    async with shared.http.get(shared.graphql + path, headers={"accept": BROWSER}) as response:
        assert response.content_type == "text/html"


async def test_anything_accepted_is_no_wish_for_a_page(shared: Served) -> None:
    """``curl`` sends ``*/*`` and reads JSON."""
    async with shared.http.get(shared.graphql, params={"query": NAME}, headers={"accept": "*/*"}) as response:
        assert await response.json() == {"data": {"__typename": "Query"}}


async def test_the_whole_introspection_is_answered(shared: Served) -> None:
    """GraphiQL and code generators ask for all of it; the limits leave room."""
    query = get_introspection_query(
        specified_by_url=True, schema_description=True, directive_is_repeatable=True, input_value_deprecation=True
    )
    data = await ask(shared, query)

    assert data["__schema"]["subscriptionType"]["name"] == "Subscription"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'"x"', "object"),
        (b"1", "object"),
        (b"null", "object"),
        (b"[]", "object"),
        (b'[{"query": "{ __typename }"}]', "object"),
        (b"true", "object"),
        (b"9" * 100_000, "JSON"),
        (b"[" * 100_000, "JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "JSON"),
        (b'{"a":' * 100_000, "JSON"),
        (b'{"query": "\xff\xfe"}', "UTF-8"),
        (b'{"query": "\\ud800"}', "JSON"),
        (b'{"query": "{ __ty', "JSON"),
        (b'{"query": NaN}', "JSON"),
        (b"", "JSON"),
        (b"\0", "JSON"),
        (b"{}", "query"),
        (b'{"query": null}', "query"),
        (b'{"query": 1}', "query"),
        (b'{"query": ["{ __typename }"]}', "query"),
        (b'{"query": ""}', "query"),
        (b'{"query": "{ __typename }", "variables": []}', "variables"),
        (b'{"query": "{ __typename }", "variables": "{}"}', "variables"),
        (b'{"query": "{ __typename }", "variables": 1}', "variables"),
        (b'{"query": "{ __typename }", "operationName": 1}', "operationName"),
        (b'{"query": "{ __typename }", "operationName": {}}', "operationName"),
        (b'{"query": "{ __typename }", "extensions": []}', "extensions"),
        (b'{"query": "{ __typename }", "extensions": "x"}', "extensions"),
        (b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 100_000 + b"}}", "JSON"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else value,
)
async def test_a_broken_body_is_the_callers_mistake(shared: Served, body: bytes, names: str) -> None:
    """400 and a sentence that names what to mend; none of these is ever a 500."""
    status, answer, _ = await post(shared, body)

    (error,) = answer["errors"]
    assert status == 400
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["retryable"] is False
    assert names in error["message"]
    assert error["message"].endswith(".")


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": NAME, "variables": "{"}, "variables"),
        ({"query": NAME, "variables": "[1]"}, "variables"),
        ({"query": NAME, "variables": "[" * 5_000}, "variables"),
        ({"query": NAME, "extensions": "1"}, "extensions"),
        ({"query": NAME, "extensions": "nonsense"}, "extensions"),
    ],
)
async def test_a_broken_link_is_the_callers_mistake(shared: Served, parameters: dict[str, str], names: str) -> None:
    """Likewise over GET."""
    async with shared.http.get(shared.graphql, params=parameters) as response:
        (error,) = (await response.json())["errors"]
        assert response.status == 400
        assert error["message"].startswith(names)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("{", "Syntax Error"),
        ("query { esim(iccid: }", "Syntax Error"),
        ("{ nothing }", "nothing"),
        ("{ esim { iccid } }", "iccid"),
        ('{ esim(iccid: "1") { iccid } }', "iccid"),
        ("{ esim(iccid: 8948010010036785060) { iccid } }", "string"),
        ("query A { __typename } query B { __typename }", "which has more than one"),
        ("{ profiles }", "must have a selection of subfields"),
        ("fragment F on Query { __typename }", "F"),
        ("type A { a: Int }", "executable"),
        ("\u0000", "Syntax Error"),
        ('{ a(b: "\\uD800") }', "Syntax Error"),
    ],
)
async def test_a_wrong_document_is_answered_with_its_mistake(shared: Served, query: str, names: str) -> None:
    """Syntax, validation and coercion errors carry ``BAD_USER_INPUT``, and nothing runs."""
    _, answer, _ = await post(shared, {"query": query})

    assert "data" not in answer
    assert names in answer["errors"][0]["message"]
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}


async def test_an_unknown_operation_name_is_the_callers_mistake(shared: Served) -> None:
    """The sentence names the member."""
    _, answer, _ = await post(shared, {"query": "query A { __typename }", "operationName": "B"})

    assert "data" not in answer
    assert answer["errors"][0]["message"].startswith("operationName")


@pytest.mark.parametrize(
    "variables",
    [{}, {"i": None}, {"i": 8948010010036785060}, {"i": "x"}, {"i": ["8948010010036785060", 1]}, {"i": {}}],
)
async def test_a_wrong_variable_is_the_callers_mistake(shared: Served, variables: dict[str, object]) -> None:
    """An ICCID is never a number, and the error names the variable."""
    query = "query ($i: ICCID!) { esim(iccid: $i) { iccid } }"

    _, answer, _ = await post(shared, {"query": query, "variables": variables})

    assert "data" not in answer
    assert "$i" in answer["errors"][0]["message"]
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("levels", [12, 100, 150, 200, 300, 900])
async def test_a_deep_variable_is_the_callers_mistake(shared: Served, levels: int) -> None:
    """However deep: nothing here may run out of stack."""
    query = b"query ($f: ProfileFilter) { profiles(filter: $f) { nodes { iccid } } }"
    deep = b'{"not": ' * levels + b"{}" + b"}" * levels

    status, answer, _ = await post(shared, b'{"query": "%b", "variables": {"f": %b}}' % (query, deep))

    assert status == 200
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_has_at_most_a_million_bytes(shared: Served, chunked: bool) -> None:
    """Announced or not, what is longer is 413."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * 500_000

    body = pieces() if chunked else b" " * 1_000_001
    async with shared.http.post(shared.graphql, data=body, headers={"content-type": JSON, "accept": JSON}) as response:
        (error,) = (await response.json())["errors"]

    assert response.status == 413
    assert "1,000,000" in error["message"]


async def test_a_body_of_a_million_bytes_is_read(shared: Served) -> None:
    """The bound itself is allowed."""
    body = b'{"query": "{ __typename }"}'

    status, _, _ = await post(shared, body + b" " * (1_000_000 - len(body)))

    assert status == 200


async def test_a_half_sent_body_is_ended(shared: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller that never finishes is told, and its connection closed; it would stay open for ever."""
    monkeypatch.setattr(http, "_BODY_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(shared.url.rpartition(":")[2]))
    writer.write(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")

    async with asyncio.timeout(5):
        answer = await reader.read()

    assert answer.startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_a_caller_that_leaves_while_it_sends_is_no_accident(
    shared: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is not logged as a failure of ours."""
    _, writer = await asyncio.open_connection("127.0.0.1", int(shared.url.rpartition(":")[2]))
    writer.write(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
    await writer.drain()
    writer.transport.abort()
    await ask(shared, NAME)

    assert "request_failed" not in "".join(capfd.readouterr())
