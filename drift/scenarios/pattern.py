"""When a change holds, and how it sets in: abruptly, gradually, incrementally, again and again."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from drift.scenarios.rows import Floats, ScenarioError


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows [`first`, `end`) are changed, from `full` on entirely; `over` says that the change ends there, rather than
    the rows."""

    first: int
    full: int
    end: int
    over: bool


class Pattern(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rows count from 0. A change begins at row `at` and lasts up to row `until`, or to the end.

    `gradual`: over so many rows the share of changed rows rises from none to all. `incremental`: over so many rows the
    change itself grows. Neither: it is abrupt. `every`: it comes again so many rows after it began, `times` in all or
    up to the end.
    """

    at: int
    until: int | None = None
    gradual: int = 0
    incremental: int = 0
    every: int | None = None
    times: int | None = None

    def __post_init__(self) -> None:
        least = {"at": 0, "until": 1, "gradual": 0, "incremental": 0, "every": 1, "times": 1}
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise ScenarioError(f"{name}={value}, it must be at least {bound}")
        if self.gradual and self.incremental:
            raise ScenarioError("gradual and incremental exclude each other: mix the rows, or let the change grow")
        length = None if self.until is None else self.until - self.at
        if length is not None and length <= max(0, self.gradual + self.incremental - 1):
            raise ScenarioError(f"until={self.until} leaves {length} rows after at={self.at}: too few for the change")
        if self.every is not None and (length is None or length > self.every):
            raise ScenarioError(f"every={self.every} needs an until at most {self.every} rows after at={self.at}")
        if self.times is not None and self.every is None:
            raise ScenarioError(f"times={self.times} needs every: how many rows lie between two beginnings")

    def stretches(self, n: int) -> list[Stretch]:
        """Where n rows are changed, in order. Raises ScenarioError where none is."""
        if self.at >= n:
            raise ScenarioError(f"at={self.at}, but there are {n} rows: the change would begin after the last")
        begin = range(self.at, n, self.every) if self.every else range(self.at, self.at + 1)
        length = n if self.until is None else self.until - self.at
        return [
            Stretch(
                first=first,
                full=min(n, first + self.gradual + self.incremental),
                end=min(n, first + length),
                over=first + length < n,
            )
            for first in begin[: self.times]
        ]

    def strength(self, n: int, rng: np.random.Generator) -> Floats:
        """How much of the change each of n rows gets: 0 not at all, 1 all of it. Raises ScenarioError."""
        strength = np.zeros(n)
        # Drawn for every row, so that the same seed mixes the same rows wherever the change begins.
        draws = rng.random(n) if self.gradual else None
        for stretch in self.stretches(n):
            rows = slice(stretch.first, stretch.end)
            grown = np.ones(stretch.end - stretch.first)
            if width := self.gradual + self.incremental:
                grown = np.minimum(1.0, (np.arange(len(grown)) + 0.5) / width)
            strength[rows] = grown if draws is None else draws[rows] < grown
        return strength
