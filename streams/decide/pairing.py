"""Which of two versions was right, or nearer to the label. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drift.challenge import PairCounts
from streams.joining.outcomes import Paired
from streams.joining.values import Kind, Values, are_equal


def pair_counts(paired: Paired, *, regression: bool) -> PairCounts:
    """Of a regression the smaller absolute error is better; where a label is no number, the pair tells nothing."""
    if regression:
        numbers = _are_numbers(paired.labels) & _are_numbers(paired.by_champion) & _are_numbers(paired.by_challenger)
        labels = paired.labels.numbers[numbers]
        by_challenger = np.abs(paired.by_challenger.numbers[numbers] - labels)
        by_champion = np.abs(paired.by_champion.numbers[numbers] - labels)
        better, worse = by_challenger < by_champion, by_challenger > by_champion
    else:
        challenger, champion = (are_equal(own, paired.labels) for own in (paired.by_challenger, paired.by_champion))
        better, worse = challenger & ~champion, champion & ~challenger
    wins, losses = int(better.sum()), int(worse.sum())
    return PairCounts(wins, losses, len(better) - wins - losses)


def _are_numbers(values: Values) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = values.kinds < Kind.BOOLEAN
    return found
