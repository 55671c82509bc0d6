"""What a row of the table is measured on: streams with a truth, drawn anew for each trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmarks.drift.processes import CHUNK, FAST, Process, Rate, rows_of
from benchmarks.drift.scoring import SETTLE, Truth
from drift.profile import SignalSpec
from drift.scenarios import Pattern, Rows, Scenario, parse

BEFORE, DURING, AFTER = CHUNK, 2 * CHUNK, CHUNK
"""Rows of a stream that changes: as in training, changed, and as in training again."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One stream: `reference` rows of the same process, held apart, and the rows to watch, chunk by chunk."""

    reference: Rows
    chunks: Iterator[Rows]
    truth: Truth


@dataclass(frozen=True, slots=True)
class Case:
    """`draw` makes a trial from its number and its seed. `kind` says which detectors suit it."""

    name: str
    about: str
    trials: int
    draw: Callable[[int, int], Trial]
    kind: Literal["values", "errors"] = "values"


def stationary(
    name: str,
    about: str,
    specs: tuple[SignalSpec, ...],
    process: Process,
    *,
    rows: int,
    trials: int,
    reference: int = 2 * CHUNK,
    rate: Rate = FAST,
) -> Case:
    """A stream that stays what it was: every alarm is false."""

    def draw(_trial: int, seed: int) -> Trial:
        apart, live = np.random.default_rng(seed).spawn(2)
        held = rows_of(specs, process(apart), rate, reference)
        source = process(live)
        chunks = (rows_of(specs, source, rate, CHUNK, reference + at) for at in range(0, rows, CHUNK))
        return Trial(held, chunks, Truth(rows, held.keys))

    return Case(name, about, trials, draw)


def changed(
    name: str, specs: tuple[SignalSpec, ...], process: Process, text: str, *, trials: int, allowed: int
) -> Case:
    """A stream that changes as `text` says and comes back. Raises ScenarioError."""
    change = parse(f"{text},at=0").change
    scenario = Scenario(change, Pattern(BEFORE, BEFORE + DURING))
    reference = 2 * CHUNK

    def draw(_trial: int, seed: int) -> Trial:
        apart, live, changing = np.random.default_rng(seed).spawn(3)
        held = rows_of(specs, process(apart), FAST, reference)
        calm = rows_of(specs, process(live), FAST, BEFORE + DURING + AFTER, reference)
        injected = scenario.apply(calm, changing)
        truth = Truth(len(calm), calm.keys, injected.episodes, allowed)
        return Trial(held, in_chunks(injected.rows), truth)

    assert AFTER > SETTLE  # else nobody could resolve in time
    return Case(name, text, trials, draw)


def in_chunks(rows: Rows) -> Iterator[Rows]:
    """The same rows, a chunk at a time."""
    for first in range(0, len(rows), CHUNK):
        part = slice(first, first + CHUNK)
        yield Rows(rows.specs, rows.matrix[part], rows.times_ms[part])
