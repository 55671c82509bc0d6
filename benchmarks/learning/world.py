"""A seeded stream whose truth changes: which side of a plane a point lies on, and the plane turns."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

COLUMNS = ("amount", "age", "visits", "distance")
START_MS = 1_767_225_600_000
TRAINED = 4_000
NOISE = 0.35
"""Of a point's distance from the plane: nobody can be right about more than some nine in ten."""


@dataclass(frozen=True)
class World:
    """`events` come `rate` a second; the truth changes at each of `changes`, numbers of events. Labels come
    `delay_s` after their events."""

    seed: int = 7
    events: int = 18_000
    rate: int = 20
    changes: tuple[int, ...] = (6_000, 12_000)
    delay_s: int = 30

    def rows(self) -> NDArray[np.float64]:
        return np.random.default_rng(self.seed).normal(size=(self.events, len(COLUMNS))).round(4)

    def truth(self, rows: NDArray[np.float64]) -> list[str]:
        """The label of each row of the stream."""
        stage = np.searchsorted(np.array(self.changes), np.arange(len(rows)), side="right")
        planes = np.array([_plane(number) for number in range(len(self.changes) + 1)])
        return self._labels(rows, planes[stage], self.seed + 1)

    def training(self) -> tuple[NDArray[np.float64], list[str]]:
        """Rows and labels from before the first change."""
        rows = np.random.default_rng(self.seed + 2).normal(size=(TRAINED, len(COLUMNS))).round(4)
        return rows, self._labels(rows, np.broadcast_to(_plane(0), rows.shape), self.seed + 3)

    def time_ms(self, number: int) -> int:
        return START_MS + number * 1000 // self.rate

    def event(self, number: int, row: NDArray[np.float64]) -> bytes:
        features = dict(zip(COLUMNS, row.tolist(), strict=True))
        return msgspec.json.encode({"id": f"e{number}", "time": self.time_ms(number), "features": features})

    def _labels(self, rows: NDArray[np.float64], planes: NDArray[np.float64], seed: int) -> list[str]:
        distances = (rows * planes).sum(axis=1) + np.random.default_rng(seed).normal(scale=NOISE, size=len(rows))
        return ["bad" if distance > 0 else "good" for distance in distances.tolist()]


def _plane(number: int) -> NDArray[np.float64]:
    """A third of a turn further in the first two columns each time."""
    angle = number * 2 * np.pi / 3
    return np.array([np.cos(angle), np.sin(angle), 0.5, 0.0])
