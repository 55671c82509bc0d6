"""Requests a second over HTTP, and how long they take: the role `http`, and Flask and FastAPI beside it.

    .venv/bin/python -m benchmarks.http [--connections 16,64] [--seconds 4] [--runs 3] [--peers PYTHON] [--json FILE]

One feature row a request (``{"input": [...]}``), sent by wrk. ``--peers`` names an interpreter that has Flask,
gunicorn, FastAPI, uvicorn and scikit-learn; without it the door is measured alone. The servers take turns, every second
round backwards; wrk takes a part of the cores. CPU time is that of the server's process and its children.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import wrk
from benchmarks.http_sides import ALL_OFF, ALL_ON, BODY, FASTAPI_PLAIN, FLASK_OWN, Server, doors, peers
from benchmarks.machine import machine
from benchmarks.tables import Table
from benchmarks.watching import cpu_seconds
from streams.demo.processes import stop

START_S = 60.0
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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--connections", default="16,64")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", type=Path, help="an interpreter that has Flask, gunicorn, FastAPI and uvicorn")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not wrk.is_installed():
        print(wrk.MISSING, file=sys.stderr)
        raise SystemExit(2)
    counts = [int(count) for count in options.connections.split(",")]
    where = machine()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        sides = doors(Path(folder)) | (peers(options.peers, Path(folder)) if options.peers else {})
        for server in sides.values():
            stack.callback(stop, server.process)
        scripts = {name: Path(folder) / f"{server.port}.lua" for name, server in sides.items()}
        for name, server in sides.items():
            wrk.write_script(scripts[name], BODY, server.headers)
            _wait_for_answers(name, server, scripts[name])

        def measure(name: str, count: int) -> tuple[wrk.Load, float]:
            pid = sides[name].process.pid
            before = cpu_of_tree_s(pid)
            load = wrk.ask(sides[name].port, scripts[name], count, options.seconds)
            return load, cpu_of_tree_s(pid) - before

        found = _rounds(list(sides), counts, options.runs, measure)
    print(table(found))
    for line in verdicts(found):
        print(line)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode({"machine": where, "http": found})) + b"\n")


def _rounds(
    names: Sequence[str], counts: Sequence[int], runs: int, measure: Callable[[str, int], tuple[wrk.Load, float]]
) -> list[Measured]:
    found = []
    for run in range(runs):
        for count in counts:
            for name in names if run % 2 == 0 else reversed(names):
                load, cpu_s = measure(name, count)
                p50_ms, p99_ms, cpu_us = load.p50_us / 1000, load.p99_us / 1000, cpu_s / load.requests * 1e6
                found.append(Measured(name, count, run, load.per_s, p50_ms, p99_ms, cpu_us, load.failed))
                print(f"run {run + 1}  {name}, {count}: {load.per_s:,.0f}/s", file=sys.stderr, flush=True)
    return found


def _wait_for_answers(name: str, server: Server, script: Path) -> None:
    """Until it answers, and warm: a second of requests that do not count."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            if wrk.ask(server.port, script, 16, 1).failed == 0:
                return
        except RuntimeError:
            time.sleep(0.2)
    raise RuntimeError(f"{name} does not answer at port {server.port}")


def cpu_of_tree_s(pid: int) -> float:
    """CPU time of a process and of its children, in seconds."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return cpu_seconds(pid) + sum(map(cpu_of_tree_s, map(int, children)))


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
        checks: list[tuple[str, Any]] = [
            (f"{times:.1f} times Flask's own server, asked for {asked:g}", times >= asked),
            (f"above the best of the others, {best[1]}", rates[ALL_ON] > best[0]),
            ("p99 below FastAPI's", p99[ALL_ON] < p99[FASTAPI_PLAIN]),
        ]
        lines += [f"{count} connections: {text}: {'met' if met else 'MISSED'}" for text, met in checks]
    return lines


if __name__ == "__main__":
    main()
