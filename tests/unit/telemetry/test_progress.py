"""Alive means progress: a table of lives, and a random walk against the rule in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.telemetry.progress import LaneProgress, Progress

DEADLINE = 10.0

BEHIND = [(0.0, "assigned"), (1.0, "records")]


def tell(lane: LaneProgress, now: float, what: str) -> None:
    match what:
        case "assigned":
            lane.assigned([0, 1], now)
        case "assigned nothing":
            lane.assigned([], now)
        case "rebalancing":
            lane.rebalancing(now)
        case "records":
            lane.caught_up(caught_up=False, now=now)
        case "at end":
            lane.caught_up(caught_up=True, now=now)
        case "committed":
            lane.committed(now)
        case "failed":
            lane.failed(now)
        case "searching":
            lane.searching(now)
        case "broker away":
            lane.broker(up=False, now=now)
        case "broker back":
            lane.broker(up=True, now=now)
        case _:
            raise AssertionError(what)


@pytest.mark.parametrize(
    ("told", "asked_at", "alive"),
    [
        ([], 100, True),
        (BEHIND, 9.9, True),
        (BEHIND, 10.1, False),
        ([*BEHIND, (8, "committed")], 17.9, True),
        ([*BEHIND, (8, "committed")], 18.1, False),
        ([*BEHIND, (8, "failed"), (10, "failed"), (11, "records")], 11.5, False),
        ([*BEHIND, (8, "searching"), (16, "searching")], 25.9, True),
        ([*BEHIND, (8, "searching"), (16, "searching")], 26.1, False),
        ([*BEHIND, (2, "at end"), (11, "at end")], 20.9, True),
        ([*BEHIND, (2, "at end")], 12.1, False),
        ([*BEHIND, (2, "at end"), (100, "at end"), (100.1, "records")], 110, True),
        ([*BEHIND, (2, "at end"), (100, "at end"), (100.1, "records")], 110.2, False),
        ([*BEHIND, (2, "broker away"), (30, "broker away")], 39, True),
        ([*BEHIND, (2, "broker away")], 12.1, False),
        ([*BEHIND, (2, "broker away"), (30, "broker away"), (31, "broker back")], 40.9, True),
        ([*BEHIND, (2, "broker away"), (30, "broker away"), (31, "broker back")], 41.1, False),
        ([*BEHIND, (2, "broker away"), (9, "committed")], 19.1, False),
        ([*BEHIND, (2, "rebalancing")], 500, True),
        ([*BEHIND, (2, "rebalancing"), (300, "assigned"), (301, "records")], 309.9, True),
        ([*BEHIND, (2, "rebalancing"), (300, "assigned"), (301, "records")], 311.1, False),
        ([(0, "assigned nothing")], 500, True),
    ],
)
def test_a_lane_lives_as_long_as_it_makes_progress_or_has_an_excuse(
    told: list[tuple[float, str]], asked_at: float, alive: bool
) -> None:
    # `assigned` at 0 starts the clock; records that follow while behind do not start it again.
    lane = LaneProgress(0.0)
    for now, what in told:
        tell(lane, float(now), what)
    assert lane.status.verdict(asked_at, DEADLINE).ok is alive


EVENTS = st.sampled_from(
    ["assigned", "rebalancing", "records", "at end", "committed", "failed", "broker away", "broker back"]
)


@given(st.lists(st.tuples(st.floats(0.0, 9.0), EVENTS), min_size=1, max_size=30))
def test_a_commit_always_gives_the_full_deadline_and_silence_while_owning_always_ends_it(
    steps: list[tuple[float, str]],
) -> None:
    lane, now = LaneProgress(0.0), 0.0
    for wait, what in steps:
        now += wait
        tell(lane, now, what)
    owning = bool(lane.status.partitions) and not lane.status.rebalancing
    assert lane.status.verdict(now + DEADLINE + 0.001, DEADLINE).ok is not owning
    lane.committed(now)
    assert lane.status.verdict(now + DEADLINE * 0.99, DEADLINE).ok


def make(*roles: str, needs_model: bool = True) -> Progress:
    return Progress(roles, needs_model=needs_model, deadline_s=DEADLINE, now=0.0)


def test_ready_needs_the_model_and_an_assignment_of_every_lane() -> None:
    progress = make("predict", "drift")
    assert "no model" in progress.ready().reason
    progress.model_loaded("churn", "3")
    progress.lane("predict").assigned([0], 1.0)
    assert progress.ready() == (False, "drift has no assignment yet")
    progress.lane("drift").assigned([], 1.0)
    assert progress.ready().ok
    progress.lane("drift").rebalancing(2.0)
    assert progress.ready().ok, "a rebalance is no reason to take a worker out"


def test_a_process_without_predictions_needs_no_model() -> None:
    progress = make("drift", needs_model=False)
    progress.lane("drift").assigned([0], 1.0)
    assert progress.ready().ok


def test_a_stopping_process_is_alive_and_started_and_not_ready() -> None:
    progress = make("drift", needs_model=False)
    progress.lane("drift").assigned([0], 1.0)
    progress.stopping()
    assert (progress.live(2.0).ok, progress.started().ok, progress.ready().ok) == (True, True, False)


def test_the_lane_that_is_stuck_is_named() -> None:
    progress = make("predict", "drift")
    for role in ("predict", "drift"):
        progress.lane(role).assigned([0], 0.0)
    progress.lane("drift").committed(50.0)
    verdict = progress.live(55.0)
    assert not verdict.ok
    assert "predict is behind, last commit 55.0 s ago" in verdict.reason
    assert "drift" not in verdict.reason
    described = progress.describe(55.0)
    assert (described["live"], described["lanes"]["drift"]["moved_s_ago"]) == (False, 5.0)


def test_a_door_lives_unless_the_model_hangs_and_is_ready_once_it_has_one() -> None:
    progress = Progress(["http"], needs_model=True, deadline_s=10.0, now=0.0)
    door = progress.lane("http")
    assert not progress.ready().ok
    progress.model_loaded("churn", "3")
    door.opened(1.0)
    assert progress.ready().ok
    assert progress.live(1_000.0).ok, "nobody asks: there is nothing to tell"
    door.asking(True, 1_000.0)
    assert progress.live(1_009.0).ok
    assert not progress.live(1_010.0).ok
    door.searching(1_009.0)
    assert progress.live(1_018.0).ok, "the search for the row to blame goes on"
    door.asking(False, 1_018.0)
    assert progress.live(9_999.0).ok
