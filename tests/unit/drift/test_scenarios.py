"""A scenario changes what it says, where it says, and tells the truth about it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.scenarios import (
    Bimodal,
    Change,
    Constant,
    Dependence,
    Factor,
    LabelDelay,
    Nulls,
    Pattern,
    Rows,
    Scenario,
    ScenarioError,
    Season,
    Share,
    Shift,
    Tails,
    Unseen,
    Variance,
    inject,
)
from drift.scenarios.text import KINDS
from tests.unit.drift.streaming import COLOUR, SIZE, SPECS, START, evenly, rows

N = 4000
HOUR = 3_600_000

CHANGES: list[Change] = [
    Shift("size", 1.5),
    Factor("size", 1000),
    Constant("size"),
    Constant("size", 3.0),
    Season("size", 0.5, 1000),
    Variance("size", 2.0),
    Bimodal("size"),
    Tails("size"),
    Share("colour", "blue", 0.3),
    Share("metric/class", "true", 0.3),
    Unseen("colour", 0.2),
    Nulls("size", 0.1),
    Dependence("size", "colour", 0.9),
    LabelDelay(HOUR),
]


def test_every_kind_is_tried_here() -> None:
    assert {change.kind for change in CHANGES} == set(KINDS)


def made(n: int = N, seed: int = 0) -> Rows:
    return Rows(SPECS, rows(np.random.default_rng(seed), n), evenly(n))


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    change = draw(st.sampled_from(CHANGES))
    at, length = draw(st.integers(0, N - 1)), draw(st.integers(1, N))
    until = draw(st.sampled_from([None, at + length]))
    every = draw(st.none() | st.integers(length, 2 * N)) if until else None
    width = draw(st.integers(0, length))
    grows = change.grows and draw(st.booleans())
    return Scenario(
        change,
        Pattern(
            at,
            until,
            gradual=0 if grows else width,
            incremental=width if grows else 0,
            every=every,
            times=draw(st.none() | st.integers(1, 3)) if every else None,
        ),
    )


@given(scenarios(), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_rows_outside_the_episodes_are_untouched_and_the_truth_names_what_was_touched(
    scenario: Scenario, seed: int
) -> None:
    before = made()
    kept = before.matrix.copy()
    injected = inject([scenario], before, seed)
    assert np.array_equal(before.matrix, kept, equal_nan=True)
    after = injected.rows
    inside = np.zeros(N, dtype=bool)
    for episode in injected.episodes:
        assert scenario.pattern.at <= episode.first_row <= episode.full_row <= N
        assert episode.first_row < episode.end_row <= N
        assert episode.began_ms == before.times_ms[episode.first_row]
        assert episode.ended_ms == (None if episode.end_row == N else before.times_ms[episode.end_row])
        inside[episode.first_row : episode.end_row] = True
    assert all(a.end_row <= b.first_row for a, b in pairwise(injected.episodes))
    touched = ~np.isclose(before.matrix, after.matrix, rtol=0, atol=0, equal_nan=True)
    assert not touched[~inside].any()
    signals = {SPECS[column].name for column in np.flatnonzero(touched.any(axis=0))}
    named = {signal for episode in injected.episodes for signal in episode.signals}
    assert signals <= {signal.removeprefix("metric/") for signal in named}
    labels = before.times_ms if after.label_times_ms is None else after.label_times_ms
    assert not (labels != before.times_ms)[~inside].any()


@given(scenarios(), st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_the_same_seed_gives_the_same_rows(scenario: Scenario, seed: int) -> None:
    first, second = inject([scenario], made(), seed), inject([scenario], made(), seed)
    assert first.rows.matrix.tobytes() == second.rows.matrix.tobytes()
    assert first.episodes == second.episodes


@given(st.lists(scenarios(), max_size=3), scenarios(), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_a_scenario_more_leaves_the_randomness_of_those_before_it(
    some: list[Scenario], more: Scenario, seed: int
) -> None:
    alone, together = inject(some, made(), seed), inject([*some, more], made(), seed)
    assert set(alone.episodes) <= set(together.episodes)
    others = [index for index, spec in enumerate(SPECS) if spec.name not in str(more.change.signals)]
    assert np.array_equal(alone.rows.matrix[:, others], together.rows.matrix[:, others], equal_nan=True)


def changed(change: Change, n: int = 40_000, at: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """The signal's values before and after, of a change on wholly changed rows."""
    injected = inject([Scenario(change, Pattern(at))], made(n), 7)
    column = injected.rows.matrix[:, injected.rows.index(change.signals[0])]
    return column[:at], column[at:]


def test_a_shift_is_in_deviations_of_the_column() -> None:
    before, after = changed(Shift("size", 1.5))
    assert after.mean() - before.mean() == pytest.approx(15, abs=0.4)
    assert after.std() == pytest.approx(before.std(), rel=0.03)


@pytest.mark.parametrize("change", [Variance("size", 2), Bimodal("size"), Tails("size", 5), Season("size", 1, 1000)])
def test_a_shape_changes_without_the_mean(change: Change) -> None:
    before, after = changed(change)
    assert after.mean() == pytest.approx(before.mean(), abs=0.4)
    factor = {"variance": 2.0, "season": 1.5}.get(change.kind, 1.0)
    assert after.var() / before.var() == pytest.approx(factor, rel=0.1)


def test_bimodal_values_keep_away_from_the_mean_and_tails_reach_far() -> None:
    before, after = changed(Bimodal("size"))
    assert np.mean(abs(after - 50) < 3) < np.mean(abs(before - 50) < 3) / 10
    before, after = changed(Tails("size", 3))
    assert np.mean(abs(after - 50) > 40) > 20 * np.mean(abs(before - 50) > 40)


def test_rates_rise_by_their_share() -> None:
    _, after = changed(Nulls("size", 0.1))
    assert np.isnan(after).mean() == pytest.approx(0.1, abs=0.01)
    _, after = changed(Unseen("colour", 0.2))
    assert (after == -1).mean() == pytest.approx(0.2, abs=0.01)
    _, after = changed(Share("colour", "blue", 0.5))
    assert (after == 2).mean() == pytest.approx(0.1 + 0.5 * 0.9, abs=0.015)


def test_a_dead_feature_stays_at_its_last_value_and_a_unit_is_a_factor() -> None:
    before, after = changed(Constant("size"))
    assert set(after) == {before[-1]}
    before, after = changed(Factor("size", 100))
    assert after.mean() == pytest.approx(100 * before.mean(), rel=0.01)


@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.6])
def test_a_dependence_changes_the_joint_distribution_and_no_marginal(correlation: float) -> None:
    rng = np.random.default_rng(1)
    matrix = rows(rng, N)
    specs = (SPECS[SIZE], SPECS[2])
    pair = np.column_stack([matrix[:, SIZE], matrix[:, SIZE] * 3 + rng.normal(0, 1, N)])
    injected = inject([Scenario(Dependence("size", "fixed", correlation), Pattern(0))], Rows(specs, pair, evenly(N)), 3)
    for column in range(2):
        assert np.array_equal(np.sort(injected.rows.matrix[:, column]), np.sort(pair[:, column]))
    assert np.corrcoef(injected.rows.matrix.T)[0, 1] == pytest.approx(correlation, abs=0.06)


def test_a_gradual_change_mixes_rows_and_an_incremental_one_grows() -> None:
    before = made()
    mixed = inject([Scenario(Shift("size", 5), Pattern(1000, gradual=2000))], before, 1)
    moved = mixed.rows.matrix[:, SIZE] - before.matrix[:, SIZE]
    sizes = np.unique(moved.round(6))
    assert len(sizes) == 2  # as it was, or all of it
    shares = [(moved[first : first + 500] > 1).mean() for first in (1000, 1500, 2000, 2500, 3000)]
    assert shares == sorted(shares) and shares[-1] == 1.0 and shares[0] < 0.25
    grown = inject([Scenario(Shift("size", 5), Pattern(1000, incremental=2000))], before, 1)
    moved = grown.rows.matrix[:, SIZE] - before.matrix[:, SIZE]
    assert (np.diff(moved[1000:3000]) > 0).all()
    assert moved[3000:] == pytest.approx(sizes[-1])


def test_a_recurring_change_comes_and_goes() -> None:
    pattern = Pattern(500, 800, every=1000, times=3)
    injected = inject([Scenario(Share("colour", "blue", 1.0), pattern)], made(), 1)
    assert [(episode.first_row, episode.end_row) for episode in injected.episodes] == [
        (500, 800),
        (1500, 1800),
        (2500, 2800),
    ]
    assert injected.episodes[1].began_ms == START + 750
    assert (injected.rows.matrix[1500:1800, COLOUR] == 2).all()


def test_labels_come_later_and_the_rows_stay() -> None:
    before = made()
    injected = inject([Scenario(LabelDelay(HOUR), Pattern(1000, 2000))], before, 1)
    assert injected.rows.label_times_ms is not None
    late = injected.rows.label_times_ms - before.times_ms
    assert set(late[1000:2000]) == {HOUR} and not late[:1000].any() and not late[2000:].any()
    assert injected.rows.matrix is before.matrix


@pytest.mark.parametrize(
    ("change", "pattern", "words"),
    [
        (Shift("sise", 1), Pattern(0), "did you mean 'size'"),
        (Shift("colour", 1), Pattern(0), "'colour' is a category"),
        (Unseen("size", 1), Pattern(0), "'size' is a number"),
        (Share("colour", "pink", 1), Pattern(0), "it has red, green, blue"),
        (Shift("size", 1), Pattern(N), "there are 4000 rows"),
    ],
)
def test_what_does_not_suit_the_rows_is_refused_with_a_way_out(change: Change, pattern: Pattern, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        inject([Scenario(change, pattern)], made(), 0)
