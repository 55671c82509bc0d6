"""Does a challenger stay within the band that its challenge declares: what it leaves unanswered, and its scores.

Both are bounds that hold at every look at once, with a probability of 1 - error where rows do not depend on each other;
so a band is left only where that is clear. Rows of one outage do depend: it counts for as long as it lasted.
"""

from __future__ import annotations

import math

import msgspec

from drift.challenge import Challenge
from drift.paired_test import wins

LEAST_ROWS = 1000
"""Before them nothing is judged: the rows of one slow batch are missed together."""


class Conduct(msgspec.Struct, frozen=True):
    """Of rows that the champion answered: those that the challenger answered, and those that it missed (it failed, was
    not in time, or was not asked since it had done so). And how often the outputs of each fell into each bin."""

    champion: str
    answered: int
    missed: int
    by_champion: tuple[int, ...] = ()
    by_challenger: tuple[int, ...] = ()

    def plus(self, others: Conduct) -> Conduct:
        return Conduct(
            self.champion,
            self.answered + others.answered,
            self.missed + others.missed,
            _sums(self.by_champion, others.by_champion),
            _sums(self.by_challenger, others.by_challenger),
        )


def why_out_of_band(conduct: Conduct, challenge: Challenge) -> str | None:
    """In words; None while it is within, or not clearly out."""
    if conduct.answered + conduct.missed < LEAST_ROWS:
        return None
    if challenge.failures is not None:
        least, _ = wins(conduct.missed, conduct.answered, error=challenge.error)
        if least > challenge.failures:
            rows = conduct.answered + conduct.missed
            return f"missed {conduct.missed} of {rows} rows, at most {challenge.failures:g} of them were allowed"
    if challenge.shift is not None:
        distance = score_distance(conduct)
        if distance - _margin(conduct.answered, challenge.error) > challenge.shift:
            return f"its scores are {distance:.2f} away from the champion's, at most {challenge.shift:g} was allowed"
    return None


def score_distance(conduct: Conduct) -> float:
    """Kolmogorov and Smirnov's: how far the shares below any bin's edge lie apart at most, 0 to 1."""
    total, champion, challenger, farthest = sum(conduct.by_champion), 0, 0, 0
    for own, others in zip(conduct.by_champion, conduct.by_challenger, strict=True):
        champion, challenger = champion + own, challenger + others
        farthest = max(farthest, abs(champion - challenger))
    return farthest / total if total else 0.0


def _margin(rows: int, error: float) -> float:
    """Of two empirical distributions of n rows (Dvoretzky, Kiefer and Wolfowitz; Massart 1990), for all n at once."""
    if not rows:
        return 1.0
    return 2 * math.sqrt(math.log(4 * rows * (rows + 1) / error) / (2 * rows))


def _sums(some: tuple[int, ...], others: tuple[int, ...]) -> tuple[int, ...]:
    """Workers of two releases may count in other bins: then the newer ones count from there on."""
    if len(some) != len(others):
        return others
    return tuple(a + b for a, b in zip(some, others, strict=True))
