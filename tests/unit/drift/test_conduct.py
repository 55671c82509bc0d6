"""A challenger leaves its band where that is clear, and not by chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.challenge import Challenge
from drift.conduct import LEAST_ROWS, Conduct, score_distance, why_out_of_band

BAND = Challenge("2", 1, error=0.05, failures=0.02, shift=0.1)


def counted(champion: np.ndarray, challenger: np.ndarray, missed: int = 0) -> Conduct:
    counts = (np.bincount((own * 20).astype(int), minlength=20).tolist() for own in (champion, challenger))
    return Conduct("1", len(champion), missed, *map(tuple, counts))


def ever_out(seed: int, *, missing: float = 0.0, shift: float = 0.0, batches: int = 60) -> str | None:
    """Looking after each batch of a hundred rows."""
    rng, conduct = np.random.default_rng(seed), Conduct("1", 0, 0)
    for _ in range(batches):
        scores = rng.random(100)
        others = np.clip(np.where(rng.random(100) < shift, 0.999, rng.random(100)), 0, 0.999)
        conduct = conduct.plus(counted(scores, others, int(rng.binomial(100, missing / (1 - missing)))))
        why = why_out_of_band(conduct, BAND)
        if why:
            return why
    return None


def test_at_the_edge_of_the_band_it_is_out_as_rarely_as_stated() -> None:
    runs = 200
    out = sum(ever_out(seed, missing=0.02, shift=0.1) is not None for seed in range(runs))
    assert out <= runs * 2 * BAND.error + 3 * math.sqrt(runs * 2 * BAND.error)


def test_one_that_misses_more_or_scores_elsewhere_is_found() -> None:
    assert str(ever_out(1, missing=0.06)).startswith("missed ")
    why = str(ever_out(1, shift=0.4))
    assert "away from the champion's, at most 0.1 was allowed" in why


def test_without_a_band_nothing_is_out_of_it() -> None:
    conduct = counted(np.full(9000, 0.1), np.full(9000, 0.9), 9000)
    assert why_out_of_band(conduct, Challenge("2", 1)) is None
    assert why_out_of_band(conduct, Challenge("2", 1, failures=0.1)) is not None
    assert why_out_of_band(conduct, Challenge("2", 1, shift=0.1)) is not None


def test_one_that_answers_nothing_at_all_is_soon_out() -> None:
    assert why_out_of_band(Conduct("1", 0, LEAST_ROWS), BAND) is not None
    assert why_out_of_band(Conduct("1", 0, LEAST_ROWS - 1), BAND) is None, "it may be one slow batch"


@given(st.lists(st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)), min_size=1, max_size=50))
def test_the_distance_is_that_of_the_two_shares_below_an_edge(rows: list[tuple[float, float]]) -> None:
    own, others = (np.array(column) for column in zip(*rows, strict=True))
    naive = max(abs((own < edge / 20).mean() - (others < edge / 20).mean()) for edge in range(21))
    assert score_distance(counted(own, others)) == pytest.approx(naive)


def test_workers_that_count_in_other_bins_do_not_spoil_it() -> None:
    old, new = Conduct("1", 1, 0, (1, 0), (0, 1)), Conduct("1", 2, 0, (1, 1, 0), (0, 1, 1))
    assert old.plus(new) == Conduct("1", 3, 0, (1, 1, 0), (0, 1, 1))
