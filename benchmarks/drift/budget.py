"""False alerts per 30 days on streams where nothing happens, by simulation of their rows.

    .venv/bin/python -m benchmarks.drift.budget [--only NAME,NAME] [--days 20] [--minutes 120] [--json FILE]

Each stream is simulated for so many days, if the time allows. Each part of `PART_DAYS` simulated days has a reference
and a watch of its own, and the rows of the part go on where its reference ended.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.drift.poisson import upper_bound
from benchmarks.drift.processes import CHUNK, DAY_MS, Process, Rate, autoregressive, bernoulli, beside, daily, normal
from benchmarks.drift.processes import rows_of as rows_from
from benchmarks.drift.weir import Blocks, Pace, marked
from benchmarks.machine import machine
from drift.alert import Alert
from drift.profile import SignalSpec
from drift.settings import DriftSettings

PART_DAYS = 5
HOUR_MS = 3_600_000
MONTH_DAYS = 30
BLOCKS_READ = 100
"""Blocks between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Events of so many `signals` at a rate, the last an answer; `process` makes them from the number of events a day.
    The reference has `reference` rows."""

    name: str
    per_second: float
    process: Callable[[int], Process]
    signals: int
    kind: Literal["number", "boolean"] = "number"
    reference: int = 2 * CHUNK

    @property
    def pace(self) -> Pace:
        return Pace.of(self.per_second, DriftSettings())

    @property
    def specs(self) -> tuple[SignalSpec, ...]:
        inputs = (SignalSpec(f"f{index}", self.kind, "feature") for index in range(1, self.signals))
        # A page takes an answer that moves with what it is made from.
        return (*inputs, SignalSpec("answer", self.kind, "output"))


def week(per_second: float) -> int:
    """Rows of a week, whole chunks."""
    return -(-round(7 * 86_400 * per_second) // CHUNK) * CHUNK


STREAMS: tuple[Stream, ...] = (
    Stream("independent", 2, lambda _: normal(20), 20),
    Stream("dependent 0.5", 2, lambda _: beside(autoregressive(0.5), 5), 5),
    Stream("dependent 0.9", 2, lambda _: beside(autoregressive(0.9), 5), 5),
    Stream("dependent 0.9 faster", 10, lambda _: beside(autoregressive(0.9), 5), 5),
    Stream("season", 2, lambda per_day: beside(daily(1.0, per_day), 5), 5, reference=week(2)),
    Stream("rare", 2, lambda _: beside(bernoulli(0.02), 5), 5, "boolean"),
    Stream("independent faster", 10, lambda _: normal(20), 20),
    Stream("independent fastest", 200, lambda _: normal(20), 20),
)


@dataclass(slots=True)
class Tally:
    """What came of one stream so far, or of all."""

    days: float = 0.0
    blocks: int = 0
    alarms: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        self.days, self.blocks = self.days + other.days, self.blocks + other.blocks
        self.alarms.update(other.alarms)

    def bound(self, severities: Sequence[str]) -> float:
        """At most so many in a month (95 %, exact Poisson)."""
        return upper_bound(sum(self.alarms[one] for one in severities)) * MONTH_DAYS / self.days


def simulated(stream: Stream, seed: int) -> Iterator[Tally]:
    """Endless stretches of a stream. The same seed gives the same ones."""
    pace = stream.pace
    process = stream.process(DAY_MS // pace.interval_ms * pace.events)
    parts = np.random.SeedSequence(seed)
    while True:
        rows = process(np.random.default_rng(parts.spawn(1)[0]))
        watched = Blocks(rows_from(stream.specs, rows, Rate(stream.per_second), stream.reference), stream.per_second)
        blocks = 0
        for matrix in _by(rows, BLOCKS_READ * pace.events):
            alerts = watched.run(matrix)
            blocks += BLOCKS_READ
            yield Tally(BLOCKS_READ * pace.interval_ms / DAY_MS, BLOCKS_READ, _severities(alerts))
            if blocks * pace.interval_ms >= PART_DAYS * DAY_MS:
                break


def _by(chunks: Iterator[NDArray[np.float64]], rows: int) -> Iterator[NDArray[np.float64]]:
    left = next(chunks)
    while True:
        while len(left) < rows:
            left = np.concatenate((left, next(chunks)))
        yield left[:rows]
        left = left[rows:]


def _severities(alerts: Sequence[Alert]) -> Counter[str]:
    return Counter(alert.severity for alert in alerts if alert.state == "firing" and marked(alert))


def main() -> None:
    options = _options()
    deadline = time.monotonic() + options.minutes * 60
    chosen = [stream for stream in STREAMS if not options.only or stream.name in options.only.split(",")]
    found: dict[str, Tally] = {}
    for number, stream in enumerate(chosen):
        # Those that are still to come get as much time each as is left.
        until = time.monotonic() + (deadline - time.monotonic()) / (len(chosen) - number)
        found[stream.name] = tally = Tally()
        for more in simulated(stream, options.seed):
            tally.add(more)
            print(f"\r{stream.name}: {tally.days:.2f} days, {dict(tally.alarms)}", end="", file=sys.stderr, flush=True)
            if tally.days >= options.days or time.monotonic() > until:
                break
        print(f"\r{_line(stream, tally)}", flush=True)
    total = Tally()
    for tally in found.values():
        total.add(tally)
    print(f"{total.days:.2f} days, {total.blocks:,} blocks, seed {options.seed}")
    bounds = {}
    for what, severities in (
        ("pages", ("page",)),
        ("pages and tickets", ("page", "ticket")),
        ("all alerts, also those only logged", ("page", "ticket", "log")),
    ):
        bounds[what] = total.bound(severities)
        count = sum(total.alarms[one] for one in severities)
        print(f"{what}: {count}, so at most {bounds[what]:.3g} in {MONTH_DAYS} days (95 %, exact Poisson)")
    if options.json:
        report = {"machine": machine(), "days": total.days, "blocks": total.blocks, "at_most_a_month": bounds}
        report |= {"streams": found, "seed": options.seed}
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def _line(stream: Stream, tally: Tally) -> str:
    counts = ", ".join(f"{tally.alarms[severity]} {severity}" for severity in ("page", "ticket", "log"))
    about = f"{stream.signals} {stream.kind} signals at {stream.per_second:g}/s"
    return f"{stream.name:20} {about:32} {tally.days:8.2f} days {tally.blocks:10,} blocks: {counts}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift.budget", description=__doc__)
    parser.add_argument("--only", default="", help=f"of: {', '.join(stream.name for stream in STREAMS)}")
    parser.add_argument("--days", type=float, default=20.0, help="simulated, of each stream (%(default)s)")
    parser.add_argument("--minutes", type=float, default=120.0, help="of real time, then it ends early (%(default)s)")
    parser.add_argument("--seed", type=int, default=1_000)
    parser.add_argument("--json", type=Path, help="write everything here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
