"""What a lane tells becomes metrics and signs of progress."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from streams.records import Decision, RecordBatch
from streams.telemetry.lane import LaneTelemetry
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import LaneProgress

BATCH = RecordBatch("events", [0, 0], [4, 5], [None, None], [b"a", b"b"], [999_000, 998_000], [None, None])


class Stage:
    """A lane's telemetry with clocks moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.progress = LaneProgress(0.0)
        self.counted: list[Decision] = []
        self.heard: list[list[int]] = []
        self.lane = LaneTelemetry(
            "predict",
            "events",
            metrics=self.metrics,
            progress=self.progress,
            on_committed=lambda _batch, decision: self.counted.append(decision),
            on_assigned=self.heard.append,
            clock=lambda: self.now,
        )

    def read(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.lane.assigned([0, 1])
    return stage


def test_the_role_hears_which_partitions_are_read(stage: Stage) -> None:
    stage.lane.revoked()
    stage.lane.assigned([1])
    assert stage.heard == [[0, 1], [1]]


def test_only_a_commit_counts_records_and_answers(stage: Stage) -> None:
    decision = Decision([], {})
    stage.lane.caught_up(False)
    stage.lane.decided(BATCH, decision, 0.1)
    stage.lane.aborted("TransactionAborted: no")
    assert (stage.read("weir_records_consumed_total", topic="events"), stage.counted) == (None, [])
    stage.lane.committed(BATCH, decision, 0.25)
    assert stage.read("weir_records_consumed_total", topic="events") == 2
    assert stage.read("weir_transaction_seconds_sum", outcome="committed") == 0.25
    assert stage.counted == [decision]


def test_an_unknown_outcome_is_counted_apart(stage: Stage) -> None:
    stage.lane.aborted("TransactionAborted: no")
    stage.lane.aborted("OutcomeUnknown: who knows")
    assert stage.read("weir_transaction_seconds_count", outcome="aborted") == 1
    assert stage.read("weir_transaction_seconds_count", outcome="unknown") == 1


def test_time_is_idle_until_records_come_busy_until_the_commit_and_held_up_after_an_abort(stage: Stage) -> None:
    stage.now = 2.0
    stage.lane.caught_up(False)
    stage.now = 5.0
    stage.lane.committed(BATCH, Decision([], {}), 1.0)
    stage.now = 8.0
    stage.lane.aborted("TransactionAborted: no")
    ratios = {state: stage.read("weir_worker_busy_ratio", state=state) for state in ("idle", "busy", "back_pressured")}
    assert ratios == {"idle": 0.25, "busy": 0.375, "back_pressured": 0.375}


def test_the_lane_is_judged_by_what_it_told(stage: Stage) -> None:
    stage.lane.caught_up(False)
    stage.now = 9.0
    stage.lane.failed(BATCH, ValueError("bad"))
    assert not stage.progress.status.verdict(11.0, 10.0).ok
    stage.lane.committed(BATCH, Decision([], {}), 1.0)
    assert stage.progress.status.verdict(11.0, 10.0).ok
    stage.lane.waiting_for_broker("connection refused")
    assert not stage.progress.status.broker_up
    stage.lane.revoked()
    assert stage.progress.status.rebalancing


def test_lag_is_told_of_the_partitions_that_are_owned(stage: Stage) -> None:
    stage.lane.lag(0, 7)
    stage.lane.lag(2, 9)
    lag = {p: stage.read("weir_consumer_lag_records", topic="events", partition=p) for p in ("0", "1", "2")}
    assert lag == {"0": 7, "1": 0, "2": None}


def test_records_that_retention_was_faster_with_are_counted(stage: Stage) -> None:
    assert stage.read("weir_records_deleted_unread_total", topic="events") == 0
    stage.lane.skipped(1, 40)
    assert stage.read("weir_records_deleted_unread_total", topic="events") == 40
