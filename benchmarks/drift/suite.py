"""The rows of the table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from river.datasets import synth

from benchmarks.drift.cases import Case, changed, stationary
from benchmarks.drift.errors import error_case, generated_concepts
from benchmarks.drift.processes import (
    BOOLEAN,
    CHUNK,
    DAY_MS,
    Rate,
    autoregressive,
    bernoulli,
    correlated,
    daily,
    generated,
    normal,
    numbers,
)
from benchmarks.drift.recorded import recorded_cases

PER_DAY, DAYS = 2_500, 28
"""Values in a cycle of a season, and cycles in its reference: whole weeks, and a whole number of chunks."""

AGRAWAL = ("salary", "commission", "age", "elevel", "car", "zipcode", "hvalue", "hyears", "loan")

NORMAL, TENTH = (numbers("f1"), normal()), (BOOLEAN, bernoulli(0.1))

CHANGED = {
    "shift-0.25": (NORMAL, "shift:feature=f1,size=0.25"),
    "shift-0.5": (NORMAL, "shift:feature=f1,size=0.5"),
    "shift-1": (NORMAL, "shift:feature=f1,size=1"),
    "rate": (TENTH, "share:feature=f1,to=true,share=0.1667"),
    "variance": (NORMAL, "variance:feature=f1,by=2"),
    "bimodal": (NORMAL, "bimodal:feature=f1,separation=0.95"),
    "tails": (NORMAL, "tails:feature=f1,df=3"),
    "dead": (NORMAL, "constant:feature=f1"),
    "nulls": (NORMAL, "nulls:feature=f1,share=0.1"),
    "season-added": (NORMAL, "season:feature=f1,size=1,period=2s"),
    "dependence": ((numbers("f1", "f2"), normal(2)), "dependence:feature=f1,with=f2,correlation=0.8"),
    "dependence-lost": ((numbers("f1", "f2"), correlated(0.8)), "dependence:feature=f1,with=f2,correlation=0"),
}
"""What a stream is, and how it changes."""


def suite(folder: Path | None, scale: float) -> list[Case]:
    """All cases. A `scale` below 1 makes trials fewer and stationary streams shorter."""
    trials = max(2, round(20 * scale))
    return [
        *_stationary(chunks=max(10, round(100 * scale)), trials=max(2, round(10 * scale))),
        *(changed(name, *stream, text, trials=trials, allowed=2 * CHUNK) for name, (stream, text) in CHANGED.items()),
        *_generated_errors(trials),
        *(recorded_cases(folder) if folder else ()),
    ]


def _stationary(chunks: int, trials: int) -> Iterator[Case]:
    rows, few = chunks * CHUNK, chunks // 10 * CHUNK
    yield stationary("normal", "N(0, 1)", *NORMAL, rows=rows, trials=trials)
    names = [f"f{index}" for index in range(1, 21)]
    yield stationary("normal-20", "20 features N(0, 1)", numbers(*names), normal(20), rows=few, trials=trials)
    yield stationary("bernoulli", "true for one in ten", *TENTH, rows=rows, trials=trials)
    for phi in (0.5, 0.9):
        about, process = f"AR(1), phi {phi}, unit variance", autoregressive(phi)
        yield stationary(f"ar-{phi}", about, numbers("f1"), process, rows=rows, trials=trials, reference=5 * CHUNK)
    for size in (0.25, 0.5, 1.0):
        yield stationary(
            f"season-{size}",
            f"N(0, 1) and a daily sine of {size} sd; {DAYS} days of reference",
            numbers("f1"),
            daily(size, PER_DAY),
            rows=3 * few,
            trials=trials,
            reference=PER_DAY * DAYS,
            rate=Rate(PER_DAY * 1000 / DAY_MS),
        )
    agrawal = generated(lambda seed: synth.Agrawal(seed=seed), AGRAWAL)
    yield stationary("agrawal", "River's Agrawal, nine features", numbers(*AGRAWAL), agrawal, rows=few, trials=2)


def _generated_errors(trials: int) -> Iterator[Case]:
    def sea(concept: int, seed: int) -> Any:
        return synth.SEA(variant=concept, noise=0.1, seed=seed)

    def sine(concept: int, seed: int) -> Any:
        return synth.Sine(classification_function=concept, seed=seed)

    yield error_case("errors-sea", generated_concepts(sea, 0, 2), "River's SEA, 10 % noise, variant 0 to 2", trials)
    yield error_case("errors-sine", generated_concepts(sine, 0, 1), "River's Sine, function 0 to 1", trials)
