"""Results as a table for people and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.drift.contenders import EVERY, KSWIN_TRIALS, KSWIN_VALUES, YARDSTICK
from benchmarks.drift.measure import Result
from benchmarks.drift.scoring import SETTLE
from benchmarks.tables import Table

COLUMNS = ["stream", "detector", "alarms", "false/1e6", "missed", "delay", "resolved", "us", "us/ADWIN", "range"]

NOTES = [
    "",
    "false/1e6: alarms without a reason, per million values (of features) that gave none. missed: of the episodes.",
    "delay: median rows from the change to the alarm, misses as all the time allowed. Weir's is to the end of the",
    "block that brought the alert; the allowed lateness comes on top. resolved: of the found episodes that ended,",
    f"those with one resolve, within {SETTLE} rows, and no second alarm. us: CPU time a value, and by ADWIN's there.",
    f"always: an alarm each {EVERY} rows, which finds everything. So a find by who has many false alarms says nothing.",
    f"KSWIN costs hundreds of us a value: it gets {KSWIN_VALUES:,} values of the first {KSWIN_TRIALS} trials, a",
    "quarter of them before the change.",
]


def table(results: Sequence[Result]) -> Table:
    """A row a stream and detector."""
    yardsticks = {result.case: result.us for result in results if result.detector == YARDSTICK}
    rows = [_row(result, yardsticks[result.case]) for result in results]
    return Table(COLUMNS, rows, NOTES)


def _row(result: Result, yardstick: Sequence[float]) -> list[str]:
    score, cost = result.score, median(result.us)
    episodes = len(score.delays)
    ratios = ratios_of(result, yardstick)
    return [
        result.case,
        result.detector,
        f"{score.alarms:,}",
        "-" if score.per_million is None else f"{score.per_million:,.2f}",
        f"{score.missed}/{episodes}" if episodes else "-",
        "-" if score.delay is None else f"{score.delay:,.0f}",
        f"{score.resolved}/{score.resolves}" if score.resolves else "-",
        f"{cost:.3f}",
        f"{median(ratios):.2f}",
        f"{min(ratios):.2f}-{max(ratios):.2f}",
    ]


def ratios_of(result: Result, yardstick: Sequence[float]) -> list[float]:
    """What the detector cost by what the yardstick cost, trial by trial: both met the same load."""
    return [own / other for own, other in zip(result.us, yardstick, strict=False)]


def as_data(results: Sequence[Result]) -> list[dict[str, Any]]:
    """For `--json`."""
    return [
        {
            "stream": result.case,
            "detector": result.detector,
            "alarms": result.score.alarms,
            "false": result.score.false,
            "false_by_signal": dict(sorted(result.score.by_signal.items())),
            "quiet_values": result.score.quiet,
            "false_per_million": result.score.per_million,
            "episodes": len(result.score.delays),
            "missed": result.score.missed,
            "median_delay": result.score.delay,
            "delays": result.score.delays,
            "resolves": result.score.resolves,
            "resolved_right": result.score.resolved,
            "logged": result.score.logged,
            "us_per_value": result.us,
        }
        for result in results
    ]
