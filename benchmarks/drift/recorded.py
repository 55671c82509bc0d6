"""Recorded streams: a folder of gzipped CSV files, which are no part of this repository."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from benchmarks.drift.cases import Case, Trial, in_chunks
from benchmarks.drift.errors import Concepts, error_case
from benchmarks.drift.processes import Floats, Rate, numbers
from benchmarks.drift.scoring import Truth
from drift.scenarios import Episode, Rows

ELEC2 = "elec2.csv.gz"
ELEC2_SIGNALS = ("nswprice", "nswdemand", "vicprice", "vicdemand", "transfer")
DEAD_UNTIL = 17_424
"""The row from which three of them live; they are constant before."""

HALF_YEAR = 26 * 7 * 48
WEEK = 7 * 48


def recorded_cases(folder: Path) -> Iterator[Case]:
    """What the folder has of Elec2, and of the sine and mixed streams of Lobo (2020), doi:10.7910/DVN/5OWRGB."""
    if (folder / ELEC2).exists():
        yield Case(
            "elec2",
            "the first half year is the reference; no truth but three dead features",
            1,
            partial(_elec2, folder / ELEC2),
        )
    for kind, changes, width in (("abrupto", (10_000, 20_000, 30_000), 0), ("gradual", (9_500, 20_000, 30_500), 1_000)):
        files = sorted([*folder.glob(f"sine_*_{kind}.csv.gz"), *folder.glob(f"mixed_*_{kind}.csv.gz")])
        if files:
            name = "errors-abrupt" if kind == "abrupto" else "errors-gradual"
            yield error_case(
                name, _Recording(tuple(files), changes, width), "sine and mixed", len(files) * len(changes)
            )


@dataclass(frozen=True, slots=True)
class _Recording:
    """Trial by trial the changes of one file after the other."""

    files: tuple[Path, ...]
    changes: tuple[int, ...]
    width: int

    def __call__(self, trial: int, _seed: int) -> Concepts:
        file, change = divmod(trial, len(self.changes))
        table = _table(self.files[file])
        first = 0 if change == 0 else self.changes[change - 1] + self.width
        rows = table[first:]
        # The tails of a transition begin half its width before it is said to.
        return Concepts(rows[:, :-1], rows[:, -1], self.changes[change] - first, self.width, lead=self.width // 2)


@cache
def _table(path: Path) -> Floats:
    with gzip.open(path, "rt") as file:
        return np.loadtxt(file, delimiter=",", skiprows=1, dtype=np.float64)


def _elec2(path: Path, _trial: int, _seed: int) -> Trial:
    specs = numbers(*ELEC2_SIGNALS)
    with gzip.open(path, "rt") as file:
        header = file.readline().strip().split(",")
        columns = [header.index(name) for name in ELEC2_SIGNALS]
        matrix = np.loadtxt(file, delimiter=",", usecols=columns, dtype=np.float64)
    times = Rate(1 / 1800).times(0, len(matrix))
    held = Rows(specs, matrix[:HALF_YEAR], times[:HALF_YEAR])
    live = Rows(specs, matrix[HALF_YEAR:], times[HALF_YEAR:])
    first = DEAD_UNTIL - HALF_YEAR
    came_alive = Episode("constant", ELEC2_SIGNALS[2:], first, first, len(live), int(times[DEAD_UNTIL]), None)
    return Trial(held, in_chunks(live), Truth(len(live), live.keys, (came_alive,), allowed=WEEK))
