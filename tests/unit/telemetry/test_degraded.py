"""Degraded answers are told as a share that returns to 0, and in two lines of the log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from streams.contracts import Reason, ServedBy
from streams.ladder.breaker import State
from streams.telemetry.breakers import BreakerTelemetry
from streams.telemetry.degraded import WINDOW_S, DegradedLog, DegradedShare
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import KEPT_TURNS, Progress

HEALTHY = {ServedBy.MODEL: 90}
MIXED = {ServedBy.MODEL: 80, ServedBy.RULE: 10}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_share_is_of_the_last_minute_and_returns_to_0(clock: Clock) -> None:
    registry = CollectorRegistry()
    share = DegradedShare("weir_degraded", "text", registry, clock)

    def of(rung: str) -> float | None:
        return registry.get_sample_value("weir_degraded", {"model": "churn", "rung": rung})

    assert of("rule") is None
    share.answered("churn", HEALTHY)
    share.answered("churn", MIXED)
    assert (of("rule"), of("previous"), of("cache"), of("default")) == (10 / 180, 0.0, 0.0, 0.0)
    clock.now += WINDOW_S / 2
    share.answered("churn", HEALTHY)
    assert of("rule") == 10 / 270
    clock.now += WINDOW_S / 2 + 0.1
    assert of("rule") == 0.0, "the degraded answers are a minute old"
    clock.now += WINDOW_S
    assert of("rule") == 0.0, "without traffic too"


def test_it_remembers_a_bounded_number_of_counts(clock: Clock) -> None:
    share = DegradedShare("weir_degraded", "text", CollectorRegistry(), clock)
    for _ in range(5000):
        share.answered("churn", HEALTHY)
        clock.now += 0.1
    assert len(share._recent["churn"]) <= WINDOW_S + 2


def test_one_line_on_entering_and_one_on_leaving(clock: Clock) -> None:
    log = DegradedLog(clock)
    with capture_logs() as lines:
        log.committed("churn", HEALTHY, {})
        for _ in range(5):
            log.committed("churn", MIXED, {Reason.MODEL_ERROR: 10})
            clock.now += 1.0
            log.committed("churn", HEALTHY, {})
        clock.now += WINDOW_S
        log.committed("churn", HEALTHY, {})
        log.committed("churn", HEALTHY, {})
    told: list[dict[str, Any]] = [dict(line) for line in lines]
    assert told == [
        {"event": "degraded: answers come from the fallback", "log_level": "warning", "model": "churn",
         "why": ["model_error"], "rule": 10},
        {"event": "no longer degraded", "log_level": "warning", "model": "churn", "seconds": 4.0, "rule": 50},
    ]  # fmt: skip


def test_changes_of_a_breaker_are_logged_counted_and_shown_with_their_times() -> None:
    registry = CollectorRegistry()
    progress = Progress(["predict"], needs_model=True, deadline_s=1.0, now=0.0)
    telemetry = BreakerTelemetry("churn", Metrics(registry), progress, lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def is_open() -> float | None:
        return registry.get_sample_value("weir_breaker_open", {"model": "churn"})

    with capture_logs() as lines:
        telemetry.changed(State.OPEN, "no answer")
        assert is_open() == 1.0
        telemetry.changed(State.HALF_OPEN, "a few rows are tried")
        assert is_open() == 1.0
        telemetry.switched("8")
        telemetry.switched("9")
    assert is_open() == 0.0
    shown = progress.describe(0.0)["breakers"]["churn"]
    assert [turn["state"] for turn in shown] == ["open", "half_open", "closed"]
    assert shown[0] == {"state": "open", "why": "no answer", "at": "2026-01-01T00:00:00.000+00:00"}
    assert [line["event"] for line in lines] == ["circuit open", "circuit half_open", "circuit closed"]
    for _ in range(2 * KEPT_TURNS):
        telemetry.changed(State.OPEN, "no answer")
    assert len(progress.describe(0.0)["breakers"]["churn"]) == KEPT_TURNS
