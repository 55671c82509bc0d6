"""A challenger leaves its band where that is clear, and not by chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.challenge import Challenge
from drift.conduct import (
    LEAST_BATCHES,
    LEAST_ROWS,
    Conduct,
    Conducted,
    may_be_promoted,
    score_distance,
    why_out_of_band,
)

BAND = Challenge("2", 1, error=0.05, failures=0.02, shift=0.1)


def counted(champion: np.ndarray, challenger: np.ndarray, missed: int = 0) -> Conduct:
    counts = (np.bincount((own * 20).astype(int), minlength=20).tolist() for own in (champion, challenger))
    return Conduct("1", len(champion), missed, *map(tuple, counts))


def ever_out(seed: int, *, missing: float = 0.0, shift: float = 0.0, batches: int = 60) -> str | None:
    """Looking after each batch of a hundred rows; all of a batch are missed together, as where it was late."""
    rng, conduct = np.random.default_rng(seed), Conducted()
    for _ in range(batches):
        scores = rng.random(100)
        others = np.clip(np.where(rng.random(100) < shift, 0.999, rng.random(100)), 0, 0.999)
        late = rng.random() < missing
        conduct = conduct.plus(Conduct("1", 0, 100) if late else counted(scores, others))
        why = why_out_of_band(conduct, BAND)
        if why:
            return why
    return None


def test_at_the_edge_of_the_band_it_is_out_as_rarely_as_stated() -> None:
    runs = 200
    out = sum(ever_out(seed, missing=0.02, shift=0.1) is not None for seed in range(runs))
    assert out <= runs * BAND.error + 3 * math.sqrt(runs * BAND.error)


def test_one_that_misses_more_or_scores_elsewhere_is_found() -> None:
    assert str(ever_out(1, missing=0.2)).startswith("missed ")
    why = str(ever_out(1, shift=0.4))
    assert "away from the champion's, at most 0.1 was allowed" in why


def test_without_a_band_nothing_is_out_of_it() -> None:
    conduct = Conducted()
    for _ in range(20):
        conduct = conduct.plus(counted(np.full(100, 0.1), np.full(100, 0.9), 100))
    assert why_out_of_band(conduct, Challenge("2", 1)) is None
    assert why_out_of_band(conduct, Challenge("2", 1, failures=0.1)) is not None
    assert why_out_of_band(conduct, Challenge("2", 1, shift=0.1)) is not None


def test_one_that_answers_nothing_at_all_is_soon_out() -> None:
    conduct = Conducted()
    for _ in range(LEAST_BATCHES):
        assert why_out_of_band(conduct, BAND) is None
        conduct = conduct.plus(Conduct("1", 0, 10))
    assert why_out_of_band(conduct, BAND) is not None


@pytest.mark.parametrize("rows", [10, 10_000])
def test_rows_of_one_late_batch_are_no_evidence_each(rows: int) -> None:
    conduct = Conducted()
    for batch in range(LEAST_BATCHES + 40):
        conduct = conduct.plus(Conduct("1", 0, rows) if batch == 3 else Conduct("1", rows, 0))
        assert why_out_of_band(conduct, BAND) is None


def test_the_two_bounds_share_the_error() -> None:
    """Else either may err as often as both together are said to."""
    both, one = (Challenge("2", 1, error=0.05, failures=0.1, shift=shift) for shift in (0.9, None))
    conduct, found = Conducted(), []
    for _ in range(100):
        conduct = conduct.plus(Conduct("1", 70, 30))
        found.append((why_out_of_band(conduct, both) is None, why_out_of_band(conduct, one) is None))
    assert (True, False) in found
    assert (False, True) not in found


def test_only_one_whose_missed_share_is_allowed_may_be_promoted() -> None:
    allowed = Challenge("2", 1, policy="promote")
    assert allowed.failures == 0.01
    assert not may_be_promoted(None, allowed), "nobody saw it answer"
    conduct = Conducted().plus(Conduct("1", 990, 10))
    assert may_be_promoted(conduct, allowed)
    assert not may_be_promoted(conduct.plus(Conduct("1", 0, 1)), allowed)
    assert may_be_promoted(conduct.plus(Conduct("1", 0, 1)), Challenge("2", 1, policy="promote", failures=0.2))


@given(st.lists(st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)), min_size=1, max_size=50))
def test_the_distance_is_that_of_the_two_shares_below_an_edge(rows: list[tuple[float, float]]) -> None:
    own, others = (np.array(column) for column in zip(*rows, strict=True))
    naive = max(abs((own < edge / 20).mean() - (others < edge / 20).mean()) for edge in range(21))
    assert score_distance(Conducted().plus(counted(own, others))) == pytest.approx(naive)


def test_workers_that_count_in_other_bins_do_not_spoil_it() -> None:
    old, new = Conduct("1", 1, 0, (1, 0), (0, 1)), Conduct("1", 2, 0, (1, 1, 0), (0, 1, 1))
    assert Conducted().plus(old).plus(new) == Conducted(3, 0, (1, 1, 0), (0, 1, 1), batches=2)
    assert Conducted().plus(old).plus(Conduct("1", 0, 9)).by_champion == (1, 0)


def test_what_was_counted_in_other_bins_is_no_evidence_about_scores() -> None:
    conduct = Conducted().plus(Conduct("1", 100_000, 0, (50_000, 50_000), (50_000, 50_000)))
    conduct = conduct.plus(Conduct("1", LEAST_ROWS - 1, 0, (LEAST_ROWS - 1, 0, 0), (0, 0, LEAST_ROWS - 1)))
    assert why_out_of_band(conduct, Challenge("2", 1, shift=0.3)) is None
    near = Conduct("1", LEAST_ROWS, 0, (LEAST_ROWS - 360, 360, 0), (LEAST_ROWS, 0, 0))
    conduct = Conducted().plus(Conduct("1", 100_000, 0, (50_000, 50_000), (50_000, 50_000))).plus(near)
    assert why_out_of_band(conduct, Challenge("2", 1, shift=0.3)) is None, "clear of 100,000 rows, not of 1,000"
