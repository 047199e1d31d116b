"""Digi's CSV, read. No sample is published; the columns are the documented fields."""

from urllib.parse import parse_qs

import pytest

from esim_graph.domain.profile import ProfileStatus
from esim_graph.errors import BadUserInput, UpstreamBadResponse, UpstreamRefused
from esim_graph.upstreams.digi.bulk import get_bulk, read_bulk
from esim_graph.upstreams.digi.wire import read_profile
from upstreams.samples import answer, sample_json

TABLE = (
    "carrier,customer_id,device_id,eid,iccid,id,normalized_carrier,status,type\r\n"
    "Mobile,1001,00000000-00000000-00409DFF-FF123456,89049032123451234512345678901235,8988211000000530082,1,"
    "mobile,active,operational\r\n"
)


def test_a_row_is_the_same_profile_as_in_json() -> None:
    (profile,) = read_bulk(answer(TABLE.encode())).profiles

    assert profile == read_profile(sample_json("digi/profile_row.json"))


def test_a_quoted_cell_may_hold_commas_quotes_and_line_breaks() -> None:
    (profile,) = read_bulk(answer(b'iccid,carrier\n8988211000000530082,"Fred\'s ""Fast"", Ltd\nWest"\n')).profiles

    assert profile.carrier == 'Fred\'s "Fast", Ltd\nWest'


def test_an_empty_cell_is_none() -> None:
    (profile,) = read_bulk(answer(b"iccid,carrier,status\n8988211000000530082,,\n")).profiles

    assert (profile.carrier, profile.status) == (None, None)


def test_the_columns_may_be_few_and_in_any_order() -> None:
    (profile,) = read_bulk(answer(b"status,ICCID\ninactive,8988211000000530082\n")).profiles

    assert profile.status is ProfileStatus.INACTIVE


def test_a_row_without_an_iccid_is_skipped_and_counted() -> None:
    bulk = read_bulk(answer(b"iccid,carrier\n,Play\n8988211000000530082,EE\n\n"))

    assert (len(bulk.profiles), bulk.skipped) == (1, 1)


@pytest.mark.parametrize("value", ["true", "", "20000"])
def test_the_presence_of_the_header_says_that_rows_are_missing(value: str) -> None:
    assert read_bulk(answer(TABLE.encode(), headers={"Truncated": value})).truncated


def test_without_the_header_all_rows_are_there() -> None:
    assert not read_bulk(answer(TABLE.encode())).truncated


@pytest.mark.parametrize("body", [b"", b"iccid,carrier\n"])
def test_an_empty_table_is_no_profiles(body: bytes) -> None:
    assert read_bulk(answer(body)).profiles == ()


@pytest.mark.parametrize("body", [b"<html>", b"carrier\nPlay\n", b"iccid\n\xff\xfe\n", b'iccid\n"cut'])
def test_what_is_no_table_of_profiles_is_a_bad_response(body: bytes) -> None:
    with pytest.raises(UpstreamBadResponse):
        read_bulk(answer(body))


def test_a_refused_selection_is_the_callers_mistake() -> None:
    with pytest.raises(UpstreamRefused):
        read_bulk(answer(b"", 400))


def test_fields_are_asked_for_by_digis_names_and_always_with_the_iccid() -> None:
    request = get_bulk(where=None, orderby=None, fields=["number", "carrier"], size=None)

    assert parse_qs(request.query) == {"fields": ["iccid,id,carrier"]}


def test_a_field_that_digi_does_not_have_is_the_callers_mistake() -> None:
    with pytest.raises(BadUserInput):
        get_bulk(where=None, orderby=None, fields=["pin"], size=None)
