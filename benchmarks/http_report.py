"""What was measured over HTTP, for people, and whether it is what is asked for."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

import msgspec

from benchmarks.http_sides import ALL_OFF, ALL_ON, FASTAPI_PLAIN, FLASK_OWN
from benchmarks.tables import Table

TIMES_FLASK = {16: 5.0, 64: 8.0}
"""How many times the requests of Flask's own server are asked of the door with all on, by connections."""


class Measured(msgspec.Struct, frozen=True):
    """One run of one side."""

    side: str
    connections: int
    run: int
    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    failed: int


def _by_side(found: Sequence[Measured]) -> Mapping[tuple[int, str], list[Measured]]:
    grouped: dict[tuple[int, str], list[Measured]] = {}
    for one in found:
        grouped.setdefault((one.connections, one.side), []).append(one)
    return grouped


def _median(runs: Sequence[Measured], value: Callable[[Measured], float]) -> float:
    return statistics.median(map(value, runs))


def table(found: Sequence[Measured]) -> Table:
    """Medians over the runs, the range of the rates, and how many times Flask's own server that is."""
    rows, grouped = [], _by_side(found)
    for (count, side), runs in sorted(grouped.items(), key=lambda item: item[0][0]):
        rates = [one.per_s for one in runs]
        rate, flask = statistics.median(rates), grouped.get((count, FLASK_OWN))
        times = f"{rate / _median(flask, lambda one: one.per_s):.1f}" if flask else ""
        p50, p99 = _median(runs, lambda one: one.p50_ms), _median(runs, lambda one: one.p99_ms)
        spread, cpu_us = f"{min(rates):,.0f} to {max(rates):,.0f}", _median(runs, lambda one: one.cpu_us)
        failed = sum(one.failed for one in runs)
        figures = [f"{count}", f"{rate:,.0f}", spread, times, f"{p50:.2f}", f"{p99:.2f}", f"{cpu_us:.0f}", f"{failed}"]
        rows.append([side, *figures])
    columns = ["side", "connections", "requests/s", "range", "x Flask", "p50 ms", "p99 ms", "CPU us", "failed"]
    return Table(columns, rows, [])


def verdicts(found: Sequence[Measured]) -> list[str]:
    """What is asked of the door with all on, and whether it is so; nothing where there is nobody to compare with."""
    grouped, lines = _by_side(found), []
    for count in sorted({one.connections for one in found}):
        rates = {side: _median(runs, lambda one: one.per_s) for (of, side), runs in grouped.items() if of == count}
        if FLASK_OWN not in rates:
            continue
        asked, times = TIMES_FLASK.get(count, 1.0), rates[ALL_ON] / rates[FLASK_OWN]
        best = max((rate, side) for side, rate in rates.items() if side not in {ALL_ON, ALL_OFF})
        p99 = {side: _median(grouped[count, side], lambda one: one.p99_ms) for side in (ALL_ON, FASTAPI_PLAIN)}
        checks: list[tuple[str, bool]] = [
            (f"{times:.1f} times Flask's own server, asked for {asked:g}", times >= asked),
            (f"above the best of the others, {best[1]}", rates[ALL_ON] > best[0]),
            ("p99 below FastAPI's", p99[ALL_ON] < p99[FASTAPI_PLAIN]),
        ]
        lines += [f"{count} connections: {text}: {'met' if met else 'MISSED'}" for text, met in checks]
    return lines
