"""Seeded processes: endless columns, a chunk at a time, and the rows that they make."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drift.profile import SignalSpec
from drift.scenarios import Rows

CHUNK = 10_000
START_MS = 1_700_006_400_000
"""A midnight, UTC: cycles of a day begin with it."""

DAY_MS = 86_400_000

Floats = NDArray[np.float64]
Process = Callable[[np.random.Generator], Iterator[Floats]]
"""From a generator to chunks of `CHUNK` rows: CHUNK x k, one going on where the last ended."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Events come evenly, so many a second."""

    per_second: float

    def times(self, first: int, n: int) -> NDArray[np.int64]:
        return START_MS + (np.arange(first, first + n) * (1000 / self.per_second)).astype(np.int64)


FAST = Rate(2000.0)
"""200 values in a slice of Weir's default settings, which makes a block."""


def numbers(*names: str) -> tuple[SignalSpec, ...]:
    return tuple(SignalSpec(name, "number", "feature") for name in names)


BOOLEAN = (SignalSpec("f1", "boolean", "feature"),)


def rows_of(specs: tuple[SignalSpec, ...], chunks: Iterator[Floats], rate: Rate, n: int, first: int = 0) -> Rows:
    """The next n rows of a process, whole chunks; `first` is the number of the first in time."""
    matrix = np.concatenate([next(chunks) for _ in range(n // CHUNK)])
    return Rows(specs, matrix, rate.times(first, len(matrix)))


def normal(count: int = 1) -> Process:
    """Independent N(0, 1)."""

    def chunks(rng: np.random.Generator) -> Iterator[Floats]:
        while True:
            yield rng.standard_normal((CHUNK, count))

    return chunks


def correlated(correlation: float) -> Process:
    """Two of N(0, 1) with this correlation."""

    def chunks(rng: np.random.Generator) -> Iterator[Floats]:
        while True:
            yield rng.multivariate_normal((0, 0), ((1, correlation), (correlation, 1)), CHUNK)

    return chunks


def bernoulli(p: float) -> Process:
    """Independent, true with probability p."""

    def chunks(rng: np.random.Generator) -> Iterator[Floats]:
        while True:
            yield (rng.random((CHUNK, 1)) < p).astype(np.float64)

    return chunks


def autoregressive(phi: float) -> Process:
    """AR(1) of unit variance."""

    def chunks(rng: np.random.Generator) -> Iterator[Floats]:
        last = float(rng.standard_normal())
        while True:
            noise = rng.standard_normal(CHUNK) * math.sqrt(1 - phi * phi)
            values = list(accumulate(noise.tolist(), lambda x, e: phi * x + e, initial=last))
            last = values[-1]
            yield np.array(values[1:]).reshape(-1, 1)

    return chunks


def beside(process: Process, count: int) -> Process:
    """So many independent streams of a process of one column, side by side."""

    def chunks(rng: np.random.Generator) -> Iterator[Floats]:
        columns = [process(own) for own in rng.spawn(count)]
        while True:
            yield np.hstack([next(column) for column in columns])

    return chunks


def daily(size: float, per_day: int) -> Process:
    """A sine of so many standard deviations of the noise on N(0, 1), one cycle in `per_day` values."""

    def chunks(rng: np.random.Generator) -> Iterator[Floats]:
        first = 0
        while True:
            angle = np.arange(first, first + CHUNK) * (2 * math.pi / per_day)
            yield (rng.standard_normal(CHUNK) + size * np.sin(angle)).reshape(-1, 1)
            first += CHUNK

    return chunks


def generated(make: Callable[[int], Any], features: tuple[str, ...]) -> Process:
    """The features of one of River's generators, which takes a seed."""

    def chunks(rng: np.random.Generator) -> Iterator[Floats]:
        rows = iter(make(int(rng.integers(2**31))))
        while True:
            yield np.array([[float(x[name]) for name in features] for x, _ in (next(rows) for _ in range(CHUNK))])

    return chunks
