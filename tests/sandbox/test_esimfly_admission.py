"""eSIMfly's door: signature, clock, replay, rate limits. Source: vendors page 002; upstreams §2.1 to §2.4."""

import uuid
from datetime import datetime

import pytest

from esim_graph.sandbox import ManualClock, Options, landmarks, serving
from esim_graph.sandbox.esimfly.admission import signature
from sandbox.clients import Esimfly

BODY = b'{"iccid":"8948010010036785060"}'
ID = landmarks.KNOWN_TO_ALL.iccid


@pytest.mark.parametrize(
    ("timestamp", "body", "expected"),
    [
        (
            "1628670421000",
            b'{"packageCode":"PHAJHEAYP"}',
            "FA2050B34D3C61025B991E8C82967BC583C02A92ED625D985F46DC7E25BFA934",
        ),
        ("1750948480000", BODY, "E24B420C4420E1E746BB870577064EC691A9DE7D8F3D5032072469A1D8F72F09"),
        (
            "1750948480000",
            b'{"iccid": "8948010010036785060"}',
            "302802957BDE48F6C086B8F7AF095FBF1EE6F974C48392A486B9485CEC3864DD",
        ),
        ("1750948480000", b"", "F674D59091E90DFBCD6CF06F0B1BA4470F47DF5C9C973D6A44C99CA9D2F11534"),
    ],
)
def test_the_signature_is_the_documented_one(timestamp, body, expected):
    """Vectors of upstreams §2.1; the one that the documentation prints does not follow its formula."""
    signed = signature("sk_1111", timestamp, "4ce9d9cd-ac9e-4e17-b3a2-c66c358c1ce2", "esf_11111", body)

    assert signed == expected


async def test_a_signed_request_passes(esimfly):
    assert (await esimfly.ask(BODY)).status == 200


async def test_no_credentials_are_a_401_without_code(esimfly):
    answer = await esimfly.ask(BODY, {"Content-Type": "application/json"})

    assert answer.status == 401
    assert answer.json == {
        "success": False,
        "error": "Authentication required",
        "message": "Please provide either Bearer token or complete HMAC signature authentication",
    }


@pytest.mark.parametrize("status", [401, 400])
@pytest.mark.parametrize("missing", ["RT-Signature", "RT-Timestamp", "RT-RequestID"])
async def test_a_missing_header_is_hmac_required(sandbox, esimfly, missing, status):
    sandbox.switches.esimfly.hmac_required_status = status
    headers = esimfly.signed(BODY)
    del headers[missing]

    answer = await esimfly.ask(BODY, headers)

    assert answer.status == status
    assert answer.json["code"] == "HMAC_REQUIRED"
    assert answer.json["message"].startswith("Missing required headers: RT-Signature, RT-Timestamp, and RT-RequestID")


async def test_another_access_code_is_an_invalid_key(esimfly):
    answer = await esimfly.ask(BODY, esimfly.signed(BODY) | {"RT-AccessCode": "esf_other"})

    assert (answer.status, answer.json) == (
        401,
        {"success": False, "error": "Invalid API key", "code": "INVALID_API_KEY"},
    )


async def test_a_bearer_token_is_an_invalid_key(esimfly):
    assert (await esimfly.ask(BODY, {"Authorization": "Bearer x"})).json["code"] == "INVALID_API_KEY"


async def test_lower_case_hex_is_an_invalid_signature(esimfly):
    headers = esimfly.signed(BODY)
    headers["RT-Signature"] = headers["RT-Signature"].lower()

    answer = await esimfly.ask(BODY, headers)

    assert (answer.status, answer.json) == (
        401,
        {"success": False, "error": "Invalid signature", "code": "INVALID_SIGNATURE"},
    )


async def test_other_bytes_than_the_signed_ones_are_an_invalid_signature(esimfly):
    answer = await esimfly.ask(b'{"iccid": "8948010010036785060"}', esimfly.signed(BODY))

    assert answer.json["code"] == "INVALID_SIGNATURE"


@pytest.mark.parametrize(
    "identifier", ["x", "10d703d8-e5e0-11f1-8add-02fc00000001", "4ce9d9cdac9e4e17b3a2c66c358c1ce2"]
)
async def test_a_request_id_must_be_a_uuid_v4(esimfly, identifier):
    answer = await esimfly.ask(BODY, esimfly.signed(BODY, request_id=identifier))

    assert (answer.status, answer.json) == (
        400,
        {
            "success": False,
            "error": "Invalid or missing RT-RequestID header. Must be a valid UUID v4.",
            "code": "INVALID_REQUEST_ID",
        },
    )


@pytest.mark.parametrize(("age", "status"), [(299, 200), (301, 401)])
async def test_five_minutes_is_the_oldest(esimfly, age, status):
    answer = await esimfly.ask(BODY, esimfly.signed(BODY, skew=-age))

    assert answer.status == status
    if status == 401:
        assert answer.json == {
            "success": False,
            "error": "Request timestamp is too old or invalid",
            "code": "INVALID_TIMESTAMP",
        }


async def test_the_window_is_wall_clock_at_any_speed(session):
    clock = ManualClock()
    async with serving(Options(devices=0, speed=60), clock=clock) as fast:
        esimfly = Esimfly(session, fast)
        headers = esimfly.signed(BODY)
        clock.advance(299)

        assert (await esimfly.ask(BODY, headers)).status == 200


@pytest.mark.parametrize(("rule", "status"), [("refused", 401), ("accepted", 200)])
async def test_a_timestamp_far_ahead(sandbox, esimfly, rule, status):
    sandbox.switches.esimfly.future_timestamps = rule

    assert (await esimfly.ask(BODY, esimfly.signed(BODY, skew=301))).status == status


@pytest.mark.parametrize(
    ("order", "code"), [("signature_first", "INVALID_SIGNATURE"), ("timestamp_first", "INVALID_TIMESTAMP")]
)
async def test_which_of_two_faults_is_named(sandbox, esimfly, order, code):
    sandbox.switches.esimfly.check_order = order
    headers = esimfly.signed(BODY, skew=-301) | {"RT-Signature": "0" * 64}

    assert (await esimfly.ask(BODY, headers)).json["code"] == code


async def test_a_request_id_is_used_once(esimfly):
    headers = esimfly.signed(BODY)
    await esimfly.ask(BODY, headers)

    again = await esimfly.ask(BODY, headers)

    assert (again.status, again.json) == (
        400,
        {"success": False, "error": "Request ID has already been used", "code": "DUPLICATE_REQUEST"},
    )


@pytest.mark.parametrize(("hours", "status"), [(23, 400), (24, 200)])
async def test_request_ids_are_remembered_for_a_day(sandbox, esimfly, clock, hours, status):
    identifier = str(uuid.uuid4())
    await esimfly.ask(BODY, esimfly.signed(BODY, request_id=identifier))
    clock.advance(hours * 3600)

    answer = await esimfly.ask(BODY, esimfly.signed(BODY, request_id=identifier))

    assert answer.status == status


@pytest.mark.parametrize(("burns", "status"), [(False, 200), (True, 400)])
async def test_a_bad_signature_uses_the_id_up_or_not(sandbox, esimfly, burns, status):
    sandbox.switches.esimfly.bad_signature_burns_id = burns
    headers = esimfly.signed(BODY)
    await esimfly.ask(BODY, headers | {"RT-Signature": "0" * 64})

    assert (await esimfly.ask(BODY, headers)).status == status


@pytest.mark.parametrize(("business", "status"), [(True, 200), (False, 403)])
async def test_a_business_account_is_needed(sandbox, esimfly, business, status):
    sandbox.switches.esimfly.business_account = business

    answer = await esimfly.ask(BODY)

    assert answer.status == status
    if status == 403:
        assert answer.json["code"] == "INVALID_USER"


async def test_every_answer_says_what_is_left(esimfly, clock):
    first = await esimfly.ask(BODY)
    refused = await esimfly.ask(BODY, {})

    assert (first.headers["X-RateLimit-Limit"], first.headers["X-RateLimit-Remaining"]) == ("100", "99")
    assert "X-RateLimit-Remaining" in refused.headers


@pytest.mark.parametrize("form", ["iso", "unix"])
async def test_the_reset_is_a_date_or_seconds(sandbox, esimfly, clock, form):
    sandbox.switches.esimfly.rate_reset = form

    reset = (await esimfly.ask(BODY)).headers["X-RateLimit-Reset"]

    instant = datetime.fromisoformat(reset).timestamp() if form == "iso" else int(reset)
    assert instant == clock.now().timestamp() + 60


@pytest.mark.parametrize(("window", "seconds"), [("per_minute", 60), ("per_hour", 3600), ("per_day", 86_400)])
async def test_each_window_refuses_and_reopens(sandbox, esimfly, clock, window, seconds):
    setattr(sandbox.switches.esimfly, window, 2)
    for _ in range(2):
        await esimfly.ask(BODY)

    refused = await esimfly.ask(BODY)
    clock.advance(seconds)
    allowed = await esimfly.ask(BODY)

    assert (refused.status, refused.json["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert allowed.status == 200


@pytest.mark.parametrize(("form", "status"), [("fixed", 200), ("sliding", 429)])
async def test_windows_are_fixed_or_sliding(sandbox, esimfly, clock, form, status):
    sandbox.switches.esimfly.windows = form
    sandbox.switches.esimfly.per_minute = 2
    for pause in (50, 11):
        await esimfly.ask(BODY)
        clock.advance(pause)
    await esimfly.ask(BODY)

    assert (await esimfly.ask(BODY)).status == status


@pytest.mark.parametrize(("counted", "status"), [(True, 429), (False, 200)])
async def test_refused_credentials_count_or_not(sandbox, esimfly, counted, status):
    sandbox.switches.esimfly.failed_auth_counts = counted
    sandbox.switches.esimfly.per_minute = 1
    await esimfly.ask(BODY, {})

    assert (await esimfly.ask(BODY)).status == status


async def test_limits_may_be_switched_off(sandbox, esimfly):
    for window in ("per_minute", "per_hour", "per_day"):
        setattr(sandbox.switches.esimfly, window, 0)

    answer = await esimfly.ask(BODY)

    assert answer.status == 200
    assert "X-RateLimit-Limit" not in answer.headers
