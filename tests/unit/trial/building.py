"""What the tests of trials share: a file of rows, alerts and changes that were never found by anything."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from drift.alert import Alert, AlertDetector, AlertEffect, AlertOnset, AlertSignal, Evidence, Summary, rfc3339
from drift.profile import SignalSpec
from drift.scenarios import Episode, Rows

START = 1_700_000_000_000
SPECS = (
    SignalSpec("size", "number", "feature"),
    SignalSpec("plan", "category", "feature", ("free", "pro")),
    SignalSpec("active", "boolean", "feature"),
)


def rows(n: int, step_ms: int = 5) -> Rows:
    rng = np.random.default_rng(0)
    columns = (rng.normal(50, 10, n).round(3), rng.choice(2, n, p=[0.7, 0.3]), rng.random(n) < 0.2)
    return Rows(SPECS, np.column_stack(columns).astype(np.float64), START + np.arange(n) * step_ms)


def write_csv(path: Path, own: Rows) -> Path:
    """With the times in a column `at`."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["at", *(spec.name for spec in own.specs)])
        for time, (size, plan, active) in zip(own.times_ms.tolist(), own.matrix.tolist(), strict=True):
            writer.writerow([time, size, SPECS[1].categories[int(plan)], "true" if active else "false"])
    return path


def episode(signal: str = "size", began: int = 1000, ended: int | None = None, full: int | None = None) -> Episode:
    """Rows are ms after START."""
    end = 10_000 if ended is None else ended
    over = None if ended is None else START + ended
    return Episode("shift", (signal,), began, began if full is None else full, end, START + began, over)


def alert(
    signal: str, onset: tuple[int, int, int], detected: int, state: Any = "firing", alert_id: str | None = None
) -> Alert:
    """Times are ms after START; `onset` is earliest, at, latest."""
    earliest, at, latest = (rfc3339(START + time) for time in onset)
    metric = signal.removeprefix("metric/") if signal.startswith("metric/") else None
    return Alert(
        alert_id=alert_id or f"{signal}-{onset[1]}",
        dedupe_key=signal,
        group_key=signal,
        state=state,
        severity="ticket",
        severity_reason="",
        model="m",
        version="1",
        kind="input",
        signal=AlertSignal(feature=None if metric else signal, metric=metric),
        detector=AlertDetector("ADWIN", {}),
        evidence=Evidence("mean", "reference", 0.0, 1.0, 9.0, 1.0, 0.2, 100, 40.0, 22.0, "rows"),
        effect=AlertEffect(1.0, "sd", (0.9, 1.1)),
        reference=Summary(1, 0.0),
        current=Summary(1, 0.0),
        onset=AlertOnset(at, (earliest, latest)),
        detected_at=rfc3339(START + detected),
        blocks=3,
        also_drifting=(),
        suggested_action="",
        runbook="",
    )
