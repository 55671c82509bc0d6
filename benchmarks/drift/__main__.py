"""Drift detectors side by side: `make bench-drift`, or `.venv/bin/python -m benchmarks.drift [--quick] …`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from benchmarks.drift.contenders import ON_ERRORS, ON_VALUES
from benchmarks.drift.measure import Result, measure
from benchmarks.drift.report import as_data, table
from benchmarks.drift.suite import suite
from benchmarks.drift.targets import against_targets
from benchmarks.machine import machine

FIRST_SEED = 1_000
QUICK = 0.1


def main() -> None:
    options = _options()
    results: list[Result] = []
    for case in options.cases:
        results += measure(case, options.seed, options.detectors)
    targets = against_targets(results)
    print(table(results))
    for case in options.cases:
        print(
            f"{case.name}: {case.about}; {case.trials} trials, seeds {options.seed} to {options.seed + case.trials - 1}"
        )
    if targets:
        print(f"\n{targets}")
    if options.json:
        report = {
            "machine": machine(),
            "first_seed": options.seed,
            "streams": {case.name: {"about": case.about, "trials": case.trials} for case in options.cases},
            "results": as_data(results),
            "targets": targets.rows if targets else [],
        }
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the trials and rows")
    parser.add_argument("--only", help="some streams, by name or the beginning of it: normal,shift")
    parser.add_argument("--detectors", help="some detectors; the yardstick always runs")
    parser.add_argument("--data", type=Path, help="folder with elec2.csv.gz and the recorded sine and mixed streams")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="of the first trial (%(default)s)")
    parser.add_argument("--json", type=Path, help="write everything here")
    options = parser.parse_args()
    cases = suite(options.data, QUICK if options.quick else 1.0)
    if not any(case.name == "elec2" for case in cases):
        print("without Elec2 and the recorded error streams: --data FOLDER names where they are", file=sys.stderr)
    if options.only:
        wanted = tuple(options.only.split(","))
        cases = [case for case in cases if case.name.startswith(wanted)]
        if not cases:
            parser.error(f"no stream begins with {options.only}")
    options.detectors = options.detectors.split(",") if options.detectors else None
    if unknown := set(options.detectors or ()) - set(ON_VALUES) - set(ON_ERRORS):
        parser.error(f"unknown detectors: {', '.join(sorted(unknown))}")
    options.cases = cases
    return options


if __name__ == "__main__":
    main()
