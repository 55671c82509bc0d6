"""Rows in the order of their events: what a scenario takes and gives."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drift.binning import clip_range
from drift.profile import BOOLEAN_CATEGORIES, SignalSpec, key_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class ScenarioError(ValueError):
    """A scenario is not well-formed, or does not suit the rows that it is put on."""


@dataclass(frozen=True, slots=True)
class Rows:
    """n rows: `matrix` is n x len(specs), coded as drift.profile says, `times_ms` n event times. `label_times_ms` says
    when the label of each row becomes known: with the event, where it is left out."""

    specs: tuple[SignalSpec, ...]
    matrix: Floats
    times_ms: Integers
    label_times_ms: Integers | None = None

    def __post_init__(self) -> None:
        if self.matrix.shape != (len(self.times_ms), len(self.specs)):
            raise ScenarioError(
                f"matrix is {self.matrix.shape}, expected ({len(self.times_ms)}, {len(self.specs)}):"
                " a row for each time, a column for each signal"
            )

    def __len__(self) -> int:
        return len(self.times_ms)

    @property
    def keys(self) -> tuple[str, ...]:
        """The signals by the keys that they have in alerts."""
        return tuple(key_of(spec.role, spec.name) for spec in self.specs)

    def index(self, signal: str) -> int:
        """The column of a signal, by its key. Raises ScenarioError."""
        keys = self.keys
        if signal not in keys:
            near = difflib.get_close_matches(signal, keys, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(keys[:20])}"
            raise ScenarioError(f"no signal {signal!r} in these rows; {hint}")
        return keys.index(signal)

    def number(self, signal: str) -> Floats:
        """The values of a number. Raises ScenarioError for what is none."""
        index = self.index(signal)
        if self.specs[index].kind != "number":
            raise ScenarioError(f"{signal!r} is a {self.specs[index].kind}, and this change is one of numbers")
        return self.matrix[:, index]

    def categories(self, signal: str) -> tuple[str, ...]:
        """The categories that a column's codes stand for. Raises ScenarioError for a number."""
        spec = self.specs[self.index(signal)]
        if spec.kind == "number":
            raise ScenarioError(f"{signal!r} is a number, and this change is one of categories and booleans")
        return BOOLEAN_CATEGORIES if spec.kind == "boolean" else spec.categories

    def with_values(self, signal: str, values: Floats | float, where: NDArray[np.bool_]) -> Rows:
        """The same rows with other values in some of them; these rows stay as they are."""
        matrix = self.matrix.copy()
        index = self.index(signal)
        matrix[:, index] = np.where(where, values, matrix[:, index])
        return replace(self, matrix=matrix)


def location(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation of what is finite, clipped as a reference is; 1.0 where nothing varies."""
    finite = values[np.isfinite(values)]
    clipped = np.clip(finite, *clip_range(finite))
    if not clipped.size:
        return 0.0, 1.0
    return float(clipped.mean()), float(clipped.std()) or 1.0
