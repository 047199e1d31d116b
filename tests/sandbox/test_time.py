"""Simulated time: speed, skipping, the agenda, the windows of a throttle."""

from datetime import UTC, datetime, timedelta

import pytest

from esim_graph.sandbox import ManualClock
from esim_graph.sandbox.agenda import Agenda
from esim_graph.sandbox.clock import SandboxTime, SystemClock, iso_ms
from esim_graph.sandbox.throttle import FixedWindow, SlidingWindow


def test_speed_multiplies_elapsed_time_only():
    clock = ManualClock()
    time = SandboxTime(clock, speed=60)
    before = time.now()

    clock.advance(2)

    assert time.elapsed() == 120
    assert time.now() - before == timedelta(seconds=2)


def test_skipping_leaves_the_wall_clock_alone():
    time = SandboxTime(ManualClock(), speed=1)
    before = time.now()

    time.advance(600)

    assert time.elapsed() == 600
    assert time.now() == before


def test_a_simulated_moment_has_a_wall_clock_time():
    clock = ManualClock()
    time = SandboxTime(clock, speed=60)
    opened = time.now()

    clock.advance(10)

    assert time.wall_at(300) == opened + timedelta(seconds=5)


def test_the_system_clock_is_aware_and_in_utc():
    assert SystemClock().now().tzinfo is UTC


def test_instants_are_written_as_the_vendors_do():
    assert iso_ms(datetime(2026, 6, 26, 14, 34, 40, 123999, tzinfo=UTC)) == "2026-06-26T14:34:40.123Z"


def test_the_agenda_runs_what_is_due_in_order_at_its_own_moment():
    agenda, seen = Agenda(), []
    agenda.at(20, lambda moment: seen.append(("second", moment)))
    agenda.at(10, lambda moment: agenda.at(moment + 5, lambda due: seen.append(("added", due))))
    agenda.at(99, lambda moment: seen.append(("later", moment)))

    agenda.run_until(50)

    assert seen == [("added", 15), ("second", 20)]


def test_a_sliding_window_frees_calls_one_by_one():
    window = SlidingWindow(10)
    for moment in (0.0, 4.0, 8.0):
        window.count(moment)

    assert window.used(9.9) == 3
    assert window.used(10.0) == 2
    assert window.resets_in(10.0) == 4.0


def test_a_fixed_window_frees_all_at_once():
    window = FixedWindow(10)
    for moment in (3.0, 12.0):
        window.count(moment)

    assert window.used(12.9) == 2
    assert window.resets_in(12.0) == pytest.approx(1.0)
    assert window.used(13.0) == 0
