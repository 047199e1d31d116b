"""Whatever an identifier holds, it stays where it was put."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from esim_graph.errors import BadUserInput
from esim_graph.upstreams.messages import Request, build_path, build_query, read_http_date
from upstreams.samples import answer


def test_a_segment_cannot_leave_its_place() -> None:
    assert build_path("esims", "../../admin?x=1#y", "history") == "/esims/..%2F..%2Fadmin%3Fx%3D1%23y/history"


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_a_segment_that_means_another_place_is_refused(segment: str) -> None:
    with pytest.raises(BadUserInput):
        build_path("esims", segment)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda s: s not in (".", "..")))
def test_any_text_is_one_segment(text: str) -> None:
    url = URL("http://vendor.test" + build_path("a", text, "b"), encoded=True)

    assert url.raw_path.count("/") == 3
    assert not url.raw_query_string
    assert not url.raw_fragment


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_is_one_parameter(text: str) -> None:
    url = URL("http://vendor.test/?" + build_query(size=1, query=text), encoded=True)

    assert dict(url.query) == {"size": "1", "query": text}


def test_a_parameter_that_is_none_is_left_out() -> None:
    assert build_query(size=None, query="a b") == "query=a%20b"


def test_a_request_does_not_print_what_may_be_secret() -> None:
    request = Request(method="POST", endpoint="download", path="/x", query="q=S3CRET", body=b"S3CRET", idempotent=False)

    assert "S3CRET" not in repr(request)


def test_an_answer_tells_how_far_the_vendors_clock_is_off() -> None:
    assert answer(b"", headers={"Date": "Fri, 26 Jun 2026 14:35:40 GMT"}).clock_offset == 60.0


def test_without_a_date_nothing_is_known_of_the_vendors_clock() -> None:
    assert answer(b"").clock_offset is None


def test_a_date_without_a_zone_is_utc() -> None:
    assert read_http_date("Fri, 26 Jun 2026 14:35:40 -0000") == datetime(2026, 6, 26, 14, 35, 40, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "Fri, 99 Jun 2026 14:35:40 GMT"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_http_date(text) is None
