"""What a drift worker tells of a model, while it watches it and when another one does."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from drift.watch import Figures
from streams.decide.drift import DriftReport
from streams.decide.drift_runs import WatchKey
from streams.records import Decision, RecordBatch
from streams.roles import Role, drift_role
from streams.settings import Settings
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress

BATCH = RecordBatch("observations", [0], [7], [b"churn"], [b"{}"], [1], [None])
REPORT = DriftReport({WatchKey("churn", "3"): Figures({"amount": 1.4}, {"page": 1, "ticket": 2})}, [])


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def role(registry: CollectorRegistry) -> Role:
    progress = Progress(["drift"], needs_model=False, deadline_s=10.0, now=0.0)
    role = drift_role(Settings(), Metrics(registry), progress)
    role.on_assigned([0, 1])
    role.on_committed(BATCH, Decision([], {}, REPORT))
    return role


def pages(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value("weir_alerts_firing", {"model": "churn", "severity": "page"})


def test_what_went_to_another_worker_is_told_here_no_longer(registry: CollectorRegistry, role: Role) -> None:
    role.on_assigned([1])
    assert pages(registry) is None
    assert registry.get_sample_value("weir_drift_statistic", {"model": "churn", "signal": "amount"}) is None
    other = DriftReport({WatchKey("churn", "4"): Figures(firing={"page": 0})}, [])
    role.on_committed(BATCH, Decision([], {}, other))
    assert pages(registry) == 0, "alerts of the time before do not count again"


@pytest.mark.parametrize("partitions", [[0, 1], [0, 1, 2]])
def test_what_stays_is_told_on(registry: CollectorRegistry, role: Role, partitions: list[int]) -> None:
    role.on_assigned(partitions)
    assert pages(registry) == 1
