"""Requests a second over HTTP, and how long they take: the role `http`, and Flask and FastAPI beside it.

    .venv/bin/python -m benchmarks.http [--connections 16,64] [--seconds 4] [--runs 3] [--peers PYTHON] [--json FILE]

One feature row a request (``{"input": [...]}``), sent by wrk. ``--peers`` names an interpreter that has Flask,
gunicorn, FastAPI, uvicorn and scikit-learn; without it the door is measured alone. The servers take turns, every second
round backwards; wrk takes a part of the cores. CPU time is that of the server's process and its children.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from benchmarks import wrk
from benchmarks.http_report import Measured, table, verdicts
from benchmarks.http_sides import BODY, Server, doors, peers
from benchmarks.machine import machine
from benchmarks.watching import cpu_seconds
from streams.demo.processes import stop

START_S = 60.0


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


if __name__ == "__main__":
    main()
