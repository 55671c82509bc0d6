"""The paired test says no more than it may, whenever one looks, and says it soon where there is something to say."""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.challenge import PairCounts
from drift.paired_test import evidence, judge, wins

MOST = 2000
RUNS = 4000


def is_better(won: int, lost: int, error: float) -> bool:
    return judge(PairCounts(won, lost), error=error, least=1).verdict == "better"


def least_wins(error: float) -> np.ndarray:
    """Of n pairs with a winner, for n = 1 .. MOST: from how many wins on the verdict is `better`; n + 1: never."""
    return np.array(
        [
            bisect_left(range(n + 1), 1, key=lambda won, n=n: int(is_better(won, n - won, error)))
            for n in range(1, MOST + 1)
        ]
    )


def verdicts(share: float, error: float, seed: int = 1) -> tuple[float, float, float]:
    """Looking after every pair, the share of runs that ever say `better`, that ever say `worse`, and how long it takes
    half of the runs to say `better`."""
    rng = np.random.default_rng(seed)
    needed = least_wins(error)
    won = (rng.random((RUNS, MOST)) < share).cumsum(axis=1)
    lost = np.arange(1, MOST + 1) - won
    better, worse = won >= needed, lost >= needed
    ever = better.any(axis=1)
    takes = np.where(ever, better.argmax(axis=1) + 1, MOST + 1)
    return float(ever.mean()), float(worse.any(axis=1).mean()), float(np.median(takes))


@pytest.mark.parametrize("error", [0.2, 0.05])
def test_of_equals_one_is_called_better_as_rarely_as_stated_at_whatever_moment_one_stops(error: float) -> None:
    better, worse, _ = verdicts(0.5, error)
    noise = 3 * math.sqrt(error / RUNS)
    assert better + worse <= error + noise
    assert better + worse > error / 20, "it could say something"


def test_a_challenger_that_is_worse_is_called_better_more_rarely_still() -> None:
    assert verdicts(0.45, 0.05)[0] <= 0.025


@pytest.mark.parametrize(("share", "takes"), [(0.9, 30), (0.7, 120), (0.6, 500)])
def test_a_better_one_is_found_and_soon(share: float, takes: int) -> None:
    better, worse, median = verdicts(share, 0.01)
    assert better > 0.99
    assert worse <= 0.005
    assert median <= takes


@pytest.mark.parametrize("pairs", [(0, 0), (1, 0), (7, 3), (3, 7), (60, 40)])
def test_evidence_is_the_average_likelihood_ratio(pairs: tuple[int, int]) -> None:
    better, worse = pairs
    p = (np.arange(200_000) + 0.5) / 400_000 + 0.5
    average = np.mean((2 * p) ** better * (2 * (1 - p)) ** worse)
    assert evidence(better, worse).better == pytest.approx(math.log(average), abs=1e-6)


@pytest.mark.parametrize("pairs", [(0, 0), (5, 2), (2, 5), (40, 40)])
def test_evidence_is_expected_to_stay_where_it_is_among_equals(pairs: tuple[int, int]) -> None:
    """What makes it hold at every look: of equals the next pair changes neither e-value on average."""
    better, worse = pairs
    for side in (0, 1):
        after = (math.exp(evidence(better + 1, worse)[side]) + math.exp(evidence(better, worse + 1)[side])) / 2
        assert after == pytest.approx(math.exp(evidence(better, worse)[side]))


@given(st.integers(0, 100_000), st.integers(0, 100_000))
def test_the_two_directions_mirror_each_other_and_numbers_stay_numbers(better: int, worse: int) -> None:
    found, mirrored = evidence(better, worse), evidence(worse, better)
    assert (found.better, found.worse) == (mirrored.worse, mirrored.better)
    assert not math.isnan(found.better)
    low, high = wins(better, worse, error=0.05)
    assert 0 <= low <= (better / (better + worse) if better + worse else 0.5) <= high <= 1


def test_bounds_hold_at_every_look_at_once() -> None:
    rng, outside = np.random.default_rng(3), 0
    for _ in range(200):
        won = (rng.random(300) < 0.7).cumsum()
        looks = (wins(int(won[n]), n + 1 - int(won[n]), error=0.1) for n in range(0, 300, 7))
        outside += any(not low <= 0.7 <= high for low, high in looks)
    assert outside <= 20 + 3 * math.sqrt(20)


def test_there_is_no_verdict_before_there_are_pairs_enough() -> None:
    assert judge(PairCounts(better=40), error=0.01, least=50).verdict == "undecided"
    assert judge(PairCounts(better=40, equal=10), error=0.01, least=50).verdict == "better"
    assert judge(PairCounts(worse=40, equal=10), error=0.01, least=50).verdict == "worse"
    assert judge(PairCounts(better=30, worse=28), error=0.01, least=50).verdict == "undecided"
