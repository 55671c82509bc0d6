"""Every scikit-learn classifier and regressor: can it be served, does ONNX answer alike, and what does a call cost?

    .venv/bin/python -m benchmarks.estimators [--only NAME,NAME] [--json FILE]

Fitted with its defaults on 600 seeded rows of 10 columns. Compared on these and at its thresholds, as `weir model add`
does. Costs are without tiles, on one thread. What does not work is listed below the table with its reason.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import msgspec

from benchmarks.estimators.fitting import names
from benchmarks.estimators.measuring import SIZES, Estimator, measure
from benchmarks.machine import machine
from benchmarks.tables import Table


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="names, with commas between them")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    wanted, where = set(filter(None, arguments.only.split(","))), machine()
    found = []
    for kind, name, made in names():
        if not wanted or name in wanted:
            found.append(measure(kind, name, made))
            print(f"\r{len(found):3} {name:40}", end="", file=sys.stderr, flush=True)
    print("\r" + " " * 50 + "\r", end="", file=sys.stderr)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.encode({"machine": where, "estimators": found}))
    print(table(found))
    print(f"{where['cpu']}, {where['cores']} cores, load before {where['load_before']}, after {os.getloadavg()[0]:.2f}")


def table(found: list[Estimator]) -> Table:
    served = [one for one in found if not one.refused]
    alike = [one for one in served if one.holds]
    return Table(
        [
            "us a call of so many rows",
            "kind",
            "ONNX",
            "differ",
            *(f"{size:,} sklearn" for size in SIZES),
            *(f"{size:,} onnx" for size in SIZES),
        ],
        [_row(one) for one in served],
        [
            f"{len(found)} estimators, {len(served)} are served, {len(alike)} of them as ONNX",
            "",
            *(f"not as ONNX: {one.name}: {'; '.join(one.onnx)}" for one in served if not one.holds),
            "",
            *(f"not served: {one.name}: {one.refused}" for one in found if one.refused),
        ],
    )


def _row(one: Estimator) -> list[str]:
    outcome = one.precision if one.holds else "differs" if one.precision else "no"
    costs = [_cost(costs.get(size)) for costs in (one.sklearn_us, one.onnx_us) for size in SIZES]
    return [one.name, one.kind, outcome, f"{one.differ:,} of {one.compared:,}" if one.precision else "", *costs]


def _cost(us: float | None) -> str:
    return "" if us is None else f"{us:,.0f}"


if __name__ == "__main__":
    main()
