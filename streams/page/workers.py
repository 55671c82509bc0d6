"""One row for each worker: what it is, and what it did lately."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streams.page.changes import quantile
from streams.page.fleet import Process
from streams.page.rounding import rounded


def state_of(process: Process, now_ms: int) -> str:
    """`ready`, `not ready`, `stuck`, `gone` (without a word) or `stopped` (in order)."""
    figures = process.figures
    if figures.leaving:
        return "stopped"
    if process.is_gone(now_ms):
        return "gone"
    if not figures.live:
        return "stuck"
    return "ready" if figures.ready else "not ready"


def worker_row(process: Process, now_ms: int, latency_bounds: Sequence[float]) -> dict[str, Any]:
    """JSON-ready. Times in ms."""
    figures, state = process.figures, state_of(process, now_ms)
    is_over = state in {"stopped", "gone"}
    change = None if is_over else process.change
    return {
        "slot": figures.slot,
        "host": figures.host,
        "roles": list(figures.roles),
        "state": state,
        "why": figures.why,
        "models": figures.models,
        "answered": round(change.answered, 2) if change else 0.0,
        "p99": rounded(quantile(latency_bounds, change.latency, 0.99)) if change else None,
        "busy": figures.busy.get("busy", 0.0) if change else 0.0,
        "held": figures.busy.get("back_pressured", 0.0) if change else 0.0,
        "partitions": 0 if is_over else sum(len(table) for table in figures.lag.values()),
        "started": process.heard_ms - figures.uptime_ms,
        "heard": process.heard_ms if is_over else None,
    }
