"""Events a second and CPU time an event of every side, turn by turn on one broker."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.sides import BASELINE, PEER, SIDES, Bench, Run, own_topics, running
from benchmarks.tables import Table
from benchmarks.watching import Measured, Output, Refused, watch
from benchmarks.workload import PARTITIONS

VOID_BELOW = 0.9
"""A baseline that is slower than this share of the peer's script is none."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Of several runs."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class SideResult:
    """A side over all its runs, or why it has none. `ratio`: its median rate by the baseline's, the spread over pairs
    of one turn. `cpu_ratio`: CPU time of the baseline by this side's, so that more is better too."""

    events_per_second: Spread | None = None
    cpu_us_per_event: Spread | None = None
    ratio: Spread | None = None
    cpu_ratio: Spread | None = None
    runs: list[Measured] = field(default_factory=list)
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Throughput:
    """`baseline_of_peer`: the baseline's rate by the peer's; below 0.9 the baseline is void."""

    events: int
    runs: int
    sides: dict[str, SideResult]
    baseline_of_peer: float | None
    baseline_void: bool


def throughput(bench: Bench, sides: Sequence[str], sources: Mapping[str, str], events: int, runs: int) -> Throughput:
    """Measure each side `runs` times, one after the other in every turn. `sources` are full topics by dialect.

    A turn that does not count comes first: a young broker compiles its code while it serves, and each side calls for
    code of its own.
    """
    measured: dict[str, list[Measured]] = {name: [] for name in sides}
    refused: dict[str, str] = {}
    for turn in range(runs + 1):
        # Every second turn backwards: what a side leaves behind is not always the same side's burden.
        for name in sides if turn % 2 == 0 else reversed(sides):
            if name in refused:
                continue
            side = SIDES[name]
            run, title = Run(bench, f"run{turn}-{name}", sources[side.source], events), f"turn {turn or 'to warm up'}"
            try:
                with own_topics(run):
                    output = Output(bench.servers, side.output(run), PARTITIONS)
                    with running(side, run) as process:
                        one = watch(process, output, events)
            except Refused as why:
                refused[name] = str(why)
                print(f"{title}  {name}: refused, {why}", file=sys.stderr, flush=True)
                continue
            if turn > 0:
                measured[name].append(one)
            print(
                f"{title}  {name}: {one.events_per_second:,.0f} events/s, {one.cpu_us_per_event:.2f} us CPU,"
                f" {one.answers} answers",
                file=sys.stderr,
                flush=True,
            )
    baseline = measured.get(BASELINE, [])
    results = {
        name: SideResult(refused=refused[name]) if name in refused else _result(measured[name], baseline)
        for name in sides
    }
    of_peer = None
    if baseline and measured.get(PEER):
        of_peer = _median_rate(baseline) / _median_rate(measured[PEER])
    return Throughput(events, runs, results, of_peer, of_peer is not None and of_peer < VOID_BELOW)


def _median_rate(runs: Sequence[Measured]) -> float:
    return statistics.median(run.events_per_second for run in runs)


def _median_cpu(runs: Sequence[Measured]) -> float:
    return statistics.median(run.cpu_us_per_event for run in runs)


def _result(runs: list[Measured], baseline: list[Measured]) -> SideResult:
    ratio = cpu_ratio = None
    if baseline:
        pairs = list(zip(runs, baseline, strict=True))
        rates = [ours.events_per_second / theirs.events_per_second for ours, theirs in pairs]
        cpu = [theirs.cpu_us_per_event / ours.cpu_us_per_event for ours, theirs in pairs]
        ratio = Spread(_median_rate(runs) / _median_rate(baseline), min(rates), max(rates))
        cpu_ratio = Spread(_median_cpu(baseline) / _median_cpu(runs), min(cpu), max(cpu))
    return SideResult(
        Spread.of([run.events_per_second for run in runs]),
        Spread.of([run.cpu_us_per_event for run in runs]),
        ratio,
        cpu_ratio,
        runs,
    )


def table(result: Throughput) -> Table:
    """For people."""
    rows = []
    for name, side in result.sides.items():
        if side.refused is not None:
            rows.append([name, f"refused: {side.refused}", "", "", ""])
            continue
        rows.append(
            [
                name,
                _spread(side.events_per_second, "{:,.0f}"),
                _spread(side.ratio, "{:.2f}"),
                _spread(side.cpu_us_per_event, "{:.2f}"),
                _spread(side.cpu_ratio, "{:.2f}"),
            ]
        )
    notes = [f"{result.runs} turns of {result.events:,} events; median (lowest to highest); ratios are to {BASELINE}"]
    if result.baseline_of_peer is not None:
        void = f": VOID, it must be at least {VOID_BELOW}" if result.baseline_void else ""
        notes.append(f"{BASELINE} is {result.baseline_of_peer:.2f} of the peer{void}")
    return Table(["side", "events/s", "ratio", "us CPU/event", "ratio by CPU"], rows, notes)


def _spread(spread: Spread | None, form: str) -> str:
    if spread is None:
        return "-"
    return f"{form.format(spread.median)} ({form.format(spread.lowest)} to {form.format(spread.highest)})"
