"""The signature vectors of upstreams.md §2.1."""

import pytest

from esim_graph.upstreams.esimfly.signing import headers

ICCID_BODY = b'{"iccid":"8948010010036785060"}'


@pytest.mark.parametrize(
    ("timestamp_ms", "body", "signature"),
    [
        (
            1628670421000,
            b'{"packageCode":"PHAJHEAYP"}',
            "FA2050B34D3C61025B991E8C82967BC583C02A92ED625D985F46DC7E25BFA934",
        ),
        (1750948480000, ICCID_BODY, "E24B420C4420E1E746BB870577064EC691A9DE7D8F3D5032072469A1D8F72F09"),
        (
            1750948480000,
            b'{"iccid": "8948010010036785060"}',
            "302802957BDE48F6C086B8F7AF095FBF1EE6F974C48392A486B9485CEC3864DD",
        ),
        (1750948480000, b"", "F674D59091E90DFBCD6CF06F0B1BA4470F47DF5C9C973D6A44C99CA9D2F11534"),
    ],
    ids=["order", "status", "one blank more", "no body"],
)
def test_the_documented_formula(timestamp_ms: int, body: bytes, signature: str) -> None:
    signed = headers(
        body,
        access_code="esf_11111",
        secret_key="sk_1111",
        request_id="4ce9d9cd-ac9e-4e17-b3a2-c66c358c1ce2",
        timestamp_ms=timestamp_ms,
    )

    assert signed["RT-Signature"] == signature


def test_the_headers_are_those_of_the_page() -> None:
    signed = headers(b"{}", access_code="esf_1", secret_key="sk_1", request_id="id", timestamp_ms=1750948480000)

    assert {name: signed[name] for name in signed if name != "RT-Signature"} == {
        "RT-AccessCode": "esf_1",
        "RT-RequestID": "id",
        "RT-Timestamp": "1750948480000",
        "Content-Type": "application/json",
    }
