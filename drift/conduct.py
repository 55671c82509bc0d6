"""Does a challenger stay within the band that its challenge declares: what it leaves unanswered, and its scores.

Both are bounds that hold at every look at once, with a probability of 1 - error for the two together. What it misses is
judged by batches, each by the share of its rows: rows of a batch are late together, so they are no evidence each of
their own. A share in the place of yes or no leaves the bound what it was (Hoeffding's convexity). Scores are judged by
rows, as if they did not depend on each other.
"""

from __future__ import annotations

import math

import msgspec

from drift.challenge import Terms
from drift.paired_test import wins

LEAST_BATCHES = 4
"""Before them nothing that is missed is judged: a model's first calls may be slow together."""

LEAST_ROWS = 1000
"""Before them no scores are judged."""


class Conduct(msgspec.Struct, frozen=True):
    """Of a batch about which the challenger was asked: rows that it answered, and those that it missed (it failed, or
    was not in time). And how often the outputs of each version fell into each bin."""

    champion: str
    answered: int
    missed: int
    by_champion: tuple[int, ...] = ()
    by_challenger: tuple[int, ...] = ()


class Conducted(msgspec.Struct, frozen=True, omit_defaults=True):
    """All batches so far. `missed_batches`: the sum over `batches` of the share of its rows that was missed."""

    answered: int = 0
    missed: int = 0
    by_champion: tuple[int, ...] = ()
    by_challenger: tuple[int, ...] = ()
    batches: int = 0
    missed_batches: float = 0.0

    @property
    def missed_share(self) -> float:
        """Of the rows that it was asked about."""
        return self.missed / max(1, self.answered + self.missed)

    def plus(self, batch: Conduct) -> Conducted:
        rows = batch.answered + batch.missed
        if not rows:
            return self
        return Conducted(
            self.answered + batch.answered,
            self.missed + batch.missed,
            _sums(self.by_champion, batch.by_champion),
            _sums(self.by_challenger, batch.by_challenger),
            self.batches + 1,
            self.missed_batches + batch.missed / rows,
        )


def why_out_of_band(conducted: Conducted, terms: Terms) -> str | None:
    """In words; None while it is within, or not clearly out."""
    # Each of the bounds may err, so they share what all may.
    error = terms.error / 2 if terms.failures is not None and terms.shift is not None else terms.error
    if terms.failures is not None and conducted.batches >= LEAST_BATCHES:
        missed = conducted.missed_batches
        least, _ = wins(missed, conducted.batches - missed, error=error)
        if least > terms.failures:
            rows, average = conducted.answered + conducted.missed, missed / conducted.batches
            return (
                f"missed {conducted.missed} of {rows} rows in {conducted.batches} batches, {average:.3g} of a batch on "
                f"average, at most {terms.failures:g} was allowed"
            )
    rows = sum(conducted.by_champion)
    if terms.shift is not None and rows >= LEAST_ROWS:
        distance = score_distance(conducted)
        if distance - _margin(rows, error) > terms.shift:
            return f"its scores are {distance:.2f} away from the champion's, at most {terms.shift:g} was allowed"
    return None


def may_be_promoted(conducted: Conducted | None, terms: Terms) -> bool:
    """Whether what it misses, which no pair tells of, is within what is allowed. Not before it was seen."""
    return terms.failures is None or (conducted is not None and conducted.missed_share <= terms.failures)


def score_distance(conducted: Conducted) -> float:
    """Kolmogorov and Smirnov's: how far the shares below any bin's edge lie apart at most, 0 to 1."""
    total, champion, challenger, farthest = sum(conducted.by_champion), 0, 0, 0
    for own, others in zip(conducted.by_champion, conducted.by_challenger, strict=True):
        champion, challenger = champion + own, challenger + others
        farthest = max(farthest, abs(champion - challenger))
    return farthest / total if total else 0.0


def _margin(rows: int, error: float) -> float:
    """Of two empirical distributions of n rows (Dvoretzky, Kiefer and Wolfowitz; Massart 1990), for all n at once."""
    return 2 * math.sqrt(math.log(4 * rows * (rows + 1) / error) / (2 * rows))


def _sums(some: tuple[int, ...], others: tuple[int, ...]) -> tuple[int, ...]:
    """Bins are those of a version's reference, which never changes. Where their number differs all the same, the newer
    ones count from there on; a batch that was missed as a whole has none."""
    if not sum(others):
        return some
    if len(some) != len(others):
        return others
    return tuple(a + b for a, b in zip(some, others, strict=True))
