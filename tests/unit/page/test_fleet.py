"""What all processes come to, whatever order, loss or restart their records come with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.page.figures import EVERY_MS
from streams.page.fleet import FORGOTTEN_MS, GIVEN_UP_MS, GONE_MS, MOST_PROCESSES, Fleet
from streams.page.history import TICKS
from tests.unit.page.telling import EVENTS, START_MS, answering, at, figures


def total(fleet: Fleet) -> float:
    """Answers in the history."""
    return sum(tick.answered for tick in fleet.history.ticks()) * EVERY_MS / 1000


def test_rates_of_all_processes_add_up() -> None:
    fleet = Fleet(EVENTS)
    for tick in range(1, 6):
        fleet.take(answering(100 * tick, "a", lag={EVENTS: {"0": 5}, "control": {"0": 9}}), at(tick))
        fleet.take(answering(300 * tick, "b", lag={EVENTS: {"1": 7}}), at(tick) + 700)
    full = [tick for tick in fleet.history.ticks() if at(1) < tick.at_ms <= fleet.told_until_ms()]
    assert [tick.at_ms for tick in full] == [at(2), at(3), at(4), at(5)]
    assert {tick.answered for tick in full} == {200.0}
    assert {tick.lag for tick in full} == {12}


def test_a_record_that_is_lost_costs_resolution_and_no_answers() -> None:
    fleet = Fleet(EVENTS)
    for tick, count in ((1, 100), (2, 200), (6, 1000)):
        fleet.take(answering(count), at(tick))
    assert total(fleet) == pytest.approx(1000)
    assert [tick.answered for tick in fleet.history.ticks()][2:] == [100.0] * 4


def test_a_restart_begins_at_nothing_and_takes_the_place_of_the_process_before() -> None:
    fleet = Fleet(EVENTS)
    fleet.take(answering(5000, "before", slot="w-0", uptime_ms=60_000), at(1))
    fleet.take(answering(5200, "before", slot="w-0", uptime_ms=60_000), at(2))
    fleet.take(answering(50, "after", slot="w-0", uptime_ms=EVERY_MS), at(8))
    assert total(fleet) == pytest.approx(250)
    fleet.tick(at(8))
    assert [each.figures.process for each in fleet.processes()] == ["after"]


def test_what_a_process_did_before_anybody_looked_is_not_taken_for_a_burst() -> None:
    fleet = Fleet(EVENTS)
    fleet.take(answering(1_000_000, uptime_ms=86_400_000), at(1))
    assert total(fleet) == 0


def test_a_process_that_is_silent_is_gone_and_one_that_left_is_stopped() -> None:
    fleet = Fleet(EVENTS)
    fleet.take(figures("killed"), at(1))
    fleet.take(figures("stopped", leaving=True), at(1))
    fleet.take(figures("alive"), at(1))
    assert [each.figures.process for each in fleet.present()] == ["alive", "killed"]
    fleet.take(figures("alive"), at(1) + GONE_MS + 1)
    gone = {each.figures.process: each.is_gone(fleet.now_ms) for each in fleet.processes()}
    assert gone == {"alive": False, "killed": True, "stopped": True}
    fleet.tick(at(1) + FORGOTTEN_MS + GONE_MS + 1)
    assert {each.figures.process for each in fleet.processes()} == {"alive", "killed"}, "who was killed is missed"
    fleet.take(figures("after", slot="slot of killed"), fleet.now_ms)
    assert {each.figures.process for each in fleet.processes()} == {"alive", "after"}, "until another takes its place"
    fleet.tick(at(1) + 2 * GIVEN_UP_MS)
    assert fleet.processes() == []


def test_a_dead_process_does_not_hold_up_the_others_for_long() -> None:
    fleet = Fleet(EVENTS)
    fleet.take(answering(0, "dead"), at(1))
    for tick in range(1, 20):
        fleet.take(answering(tick, "alive"), at(tick))
    assert fleet.told_until_ms() == at(19)


def test_everything_is_bounded() -> None:
    fleet = Fleet(EVENTS)
    for number in range(3 * MOST_PROCESSES):
        fleet.take(answering(1, f"p{number}", classes={f"m{number}": {f"c{number}": 1}}), at(1))
    assert len(fleet.processes()) == MOST_PROCESSES
    fleet = Fleet(EVENTS)
    for tick in range(1, 3 * TICKS):
        fleet.take(answering(tick, dead_letters={"churn": {f"r{tick % 200}": tick}}), at(tick))
    ticks = list(fleet.history.ticks())
    assert len(ticks) == TICKS
    assert ticks[-1].at_ms == at(3 * TICKS - 1)
    fleet.take(answering(10**9), at(10**7))  # a clock that leaps
    assert len(list(fleet.history.ticks())) <= TICKS


def test_those_that_run_are_never_driven_out_and_those_that_ended_are() -> None:
    fleet = Fleet(EVENTS)
    for tick in (1, 2):
        for number in range(MOST_PROCESSES):
            fleet.take(answering(10 * tick, f"p{number}"), at(tick))
        assert not fleet.is_crowded
    for number in range(5):
        fleet.take(answering(7, f"late {number}"), at(2))
    assert fleet.is_crowded
    for number in range(1, MOST_PROCESSES):
        fleet.take(answering(30, f"p{number}"), at(20))
    assert {each.change.answered for each in fleet.present() if each.change is not None} == {10 / 36}
    fleet.take(answering(7, "in place of p0"), at(20))
    names = {each.figures.process for each in fleet.processes()}
    assert (len(names), "p0" in names, "in place of p0" in names) == (MOST_PROCESSES, False, True)
    assert not fleet.is_crowded


def test_a_worker_whose_clock_is_wrong_is_no_burst() -> None:
    """The time of a record is the broker's, and that of a process's start by no clock at all."""
    fleet = Fleet(EVENTS)
    fleet.take(answering(1_000_000, uptime_ms=3_600_000), START_MS - 10**9)
    assert total(fleet) == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9_000)), min_size=1, max_size=60))
def test_each_tick_has_each_process_once(steps: list[tuple[str, int]]) -> None:
    """Whenever they tell something: a process is in all ticks that end while it runs, and in no tick twice."""
    fleet = Fleet(EVENTS)
    now, spans = START_MS, dict[str, tuple[int, int]]()
    for name, later_ms in steps:
        now += later_ms
        since, _ = spans.setdefault(name, (now - EVERY_MS, now))
        spans[name] = (since, now)
        fleet.take(answering(0, name, uptime_ms=now - since - EVERY_MS, lag={EVENTS: {"0": 1}}), now)
    for tick in fleet.history.ticks():
        assert tick.lag == sum(since < tick.at_ms <= until for since, until in spans.values())
