"""The seeded fleet and its landmarks."""

import re
import time
from datetime import UTC, datetime

import pytest

from esim_graph.sandbox import landmarks
from esim_graph.sandbox.fleet import Fleet, build_fleet
from esim_graph.sandbox.identifiers import luhn_digit
from esim_graph.sandbox.records import Fate

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DOCUMENTED_LUHN_FAILURES = {
    "8944123456789012000",
    "8910300001234567890",
    "8932042000010078801",
    "8901234567890123456",
    "8981100000012345678",
    "89860468152080349618",
}


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return build_fleet(seed=1, devices=2000, now=NOW)


def test_it_has_two_thousand_devices_each_with_a_profile(fleet):
    with_profile = {profile.device_id for profile in fleet.profiles.values()}

    assert len(fleet.devices) >= 2000
    assert set(fleet.devices) == with_profile


def test_it_has_twenty_carriers(fleet):
    assert len({profile.carrier for profile in fleet.profiles.values()}) >= 20


def test_every_identifier_is_valid(fleet):
    device_id = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{8}){3}")

    assert all(int(device.eid) % 97 == 1 and len(device.eid) == 32 for device in fleet.devices.values())
    assert all(device_id.fullmatch(name) for name in fleet.devices)
    assert all(re.fullmatch(r"89\d{16,18}", iccid) for iccid in fleet.profiles)


def test_iccids_have_18_19_and_20_digits(fleet):
    assert {len(iccid) for iccid in fleet.profiles} == {18, 19, 20}


def test_profile_numbers_start_anew_on_every_esim(fleet):
    several = [profile for profile in fleet.profiles.values() if profile.id == 3]

    assert len(several) > 100
    assert len({profile.eid for profile in several}) == len(several)


def test_an_esim_has_at_most_one_active_profile(fleet):
    active = [profile.eid for profile in fleet.profiles.values() if profile.status == "active"]

    assert len(active) == len(set(active))


def test_some_esims_are_known_to_some_vendors_only(fleet):
    digi, esimfly, esimgo = set(fleet.profiles), set(fleet.esimfly), set(fleet.esimgo)

    assert digi - esimfly - esimgo
    assert (digi & esimfly) - esimgo
    assert (digi & esimgo) - esimfly
    assert esimfly - digi
    assert fleet.foreign & digi
    assert not fleet.foreign & (esimfly | esimgo)


def test_some_devices_fail_in_every_way(fleet):
    assert {device.fate for device in fleet.devices.values()} == set(Fate)


def test_the_past_has_every_final_state(fleet):
    assert {row.status for row in fleet.transactions.values()} == {"complete", "failed", "unknown"}
    assert {row.status for row in fleet.operations.values()} == {"successful", "failed"}
    assert {row.cause for row in fleet.operations.values()} == {"request", "automation", "template"}


def test_past_operations_name_transactions_that_exist(fleet):
    named = {row.download_tx for row in fleet.operations.values()} | {
        row.enable_tx for row in fleet.operations.values()
    }

    assert named - {None} <= set(fleet.transactions)


def test_the_same_seed_is_the_same_fleet(fleet):
    assert build_fleet(seed=1, devices=2000, now=NOW) == fleet


def test_another_seed_keeps_the_landmarks_and_no_more(fleet):
    other = build_fleet(seed=2, devices=2000, now=NOW)

    fixed = {landmark.iccid for landmark in landmarks.LANDMARKS if landmark.iccid in fleet.profiles}
    shared = set(other.profiles) & set(fleet.profiles)
    assert fixed <= shared
    assert {other.profiles[iccid].device_id for iccid in shared} <= {mark.device_id for mark in landmarks.LANDMARKS}


def test_the_documented_iccids_that_fail_luhn_are_landmarks():
    named = {landmark.iccid for landmark in landmarks.LANDMARKS}

    assert named >= DOCUMENTED_LUHN_FAILURES
    assert all(luhn_digit(iccid[:-1]) != iccid[-1] for iccid in DOCUMENTED_LUHN_FAILURES)


def test_landmark_eids_are_valid():
    assert all(int(landmark.eid) % 97 == 1 for landmark in landmarks.LANDMARKS if landmark.eid)


def test_opening_is_fast():
    """Hundreds of tests open one each."""
    best = 1.0
    for _ in range(3):
        started = time.process_time()  # not the wall clock: other tests run beside this one
        build_fleet(seed=1, devices=2000, now=NOW)
        best = min(best, time.process_time() - started)

    assert best < 0.4
