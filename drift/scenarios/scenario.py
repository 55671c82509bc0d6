"""A scenario put on rows: the changed rows, and the truth about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from drift.scenarios.pattern import Pattern
from drift.scenarios.rows import Floats, Rows, ScenarioError


class Change(Protocol):
    """What happens to rows. `kind` is its name in text; `grows` says whether half of it has a meaning."""

    kind: ClassVar[str]
    grows: ClassVar[bool]

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that it touches, by their keys in alerts."""
        ...

    def apply(self, rows: Rows, strength: Floats, rng: np.random.Generator) -> Rows:
        """Change the rows where `strength` (n, 0 to 1) is above 0, by so much. Raises ScenarioError."""
        ...


@dataclass(frozen=True, slots=True)
class Episode:
    """The truth about one change: rows [`first_row`, `end_row`) have it, from `full_row` on entirely. `ended_ms` is the
    time of the first row after it, None where the rows end first."""

    kind: str
    signals: tuple[str, ...]
    first_row: int
    full_row: int
    end_row: int
    began_ms: int
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class Injected:
    """Changed rows, and their episodes by the row that they begin at."""

    rows: Rows
    episodes: tuple[Episode, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One change on one pattern. Raises ScenarioError where they do not go together."""

    change: Change
    pattern: Pattern

    def __post_init__(self) -> None:
        if self.pattern.incremental and not self.change.grows:
            raise ScenarioError(f"half of a {self.change.kind} has no meaning: use gradual instead of incremental")

    def apply(self, rows: Rows, rng: np.random.Generator) -> Injected:
        """The rows with the change in them; `rows` stay as they are, and so does every row outside the episodes."""
        strength = self.pattern.strength(len(rows), rng)
        changed = self.change.apply(rows, strength, rng)
        times = rows.times_ms
        return Injected(
            changed,
            tuple(
                Episode(
                    self.change.kind,
                    self.change.signals,
                    stretch.first,
                    stretch.full,
                    stretch.end,
                    int(times[stretch.first]),
                    int(times[stretch.end]) if stretch.over else None,
                )
                for stretch in self.pattern.stretches(len(rows))
            ),
        )


def inject(scenarios: Sequence[Scenario], rows: Rows, seed: int) -> Injected:
    """Put scenarios on rows, one after the other, each with randomness of its own. Raises ScenarioError."""
    episodes: list[Episode] = []
    for scenario, rng in zip(scenarios, np.random.default_rng(seed).spawn(len(scenarios)), strict=True):
        injected = scenario.apply(rows, rng)
        rows = injected.rows
        episodes += injected.episodes
    return Injected(rows, tuple(sorted(episodes, key=lambda episode: episode.first_row)))
