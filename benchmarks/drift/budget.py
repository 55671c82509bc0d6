"""False alerts per 30 days on a stream where nothing happens, by simulation of its blocks.

    .venv/bin/python -m benchmarks.drift.budget [--days 90] [--minutes 120] [--rate 200] [--json FILE]

Each part of `PART_DAYS` simulated days has a reference and a watch of its own. Each simulated hour draws its blocks
from a new pool of `POOL` blocks, every one of them summarised from independent N(0, 1) rows.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.drift.poisson import upper_bound
from benchmarks.drift.processes import FAST, numbers
from benchmarks.drift.weir import Blocks, marked
from benchmarks.machine import machine
from drift.alert import Alert
from drift.scenarios import Rows

PART_DAYS = 10
HOUR_MS = 3_600_000
POOL = 500
REFERENCE = 20_000
MONTH_DAYS = 30


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of simulated time: how many blocks, and the alerts."""

    blocks: int
    alerts: list[Alert]


def hours(features: int, per_second: float, seed: int) -> Iterator[Hour]:
    """Endless stationary hours. The same seed gives the same ones."""
    specs = numbers(*(f"f{index}" for index in range(1, features + 1)))
    parts = np.random.SeedSequence(seed)
    while True:
        rng = np.random.default_rng(parts.spawn(1)[0])
        held = rng.standard_normal((REFERENCE, features))
        watched = Blocks(Rows(specs, held, FAST.times(0, REFERENCE)), per_second)
        shape = (watched.pace.events, features)
        blocks = HOUR_MS // watched.pace.interval_ms
        for _ in range(PART_DAYS * 24):
            pool = watched.pool(rng.standard_normal(shape) for _ in range(POOL))
            yield Hour(blocks, watched.run(pool, rng.integers(POOL, size=blocks).tolist()))


def main() -> None:
    options = _options()
    deadline = time.monotonic() + options.minutes * 60
    done, blocks, alarms = 0, 0, Counter[str]()
    for hour in hours(options.features, options.rate, options.seed):
        done, blocks = done + 1, blocks + hour.blocks
        alarms.update(alert.severity for alert in hour.alerts if alert.state == "firing" and marked(alert))
        print(f"\r{done / 24:.2f} days, {alarms.total()} alerts", end="", file=sys.stderr, flush=True)
        if done >= options.days * 24 or time.monotonic() > deadline:
            break
    print(file=sys.stderr)
    days = done / 24
    print(
        f"{days:.2f} days of {options.features} features N(0, 1) at {options.rate:g} events/s: {blocks:,} blocks,"
        f" seed {options.seed}"
    )
    bounds = {}
    for what, count in (
        ("pages", alarms["page"]),
        ("pages and tickets", alarms["page"] + alarms["ticket"]),
        ("all alerts, also those only logged", alarms.total()),
    ):
        bounds[what] = upper_bound(count) * MONTH_DAYS / days
        print(f"{what}: {count}, so at most {bounds[what]:.3g} in {MONTH_DAYS} days (95 %, exact Poisson)")
    if options.json:
        report = {"machine": machine(), "days": days, "blocks": blocks, "alerts": alarms, "at_most_a_month": bounds}
        report |= {"features": options.features, "events_per_second": options.rate, "seed": options.seed}
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift.budget", description=__doc__)
    parser.add_argument("--days", type=float, default=90.0, help="simulated (%(default)s)")
    parser.add_argument("--minutes", type=float, default=60.0, help="of real time, then it ends early (%(default)s)")
    parser.add_argument("--features", type=int, default=20)
    parser.add_argument("--rate", type=float, default=200.0, help="events a second (%(default)s)")
    parser.add_argument("--seed", type=int, default=1_000)
    parser.add_argument("--json", type=Path, help="write everything here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
