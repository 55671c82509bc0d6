"""Windows of pairs: a learner that overtakes is seen soon, one that is no better seldom is."""

from __future__ import annotations

import numpy as np

from streams.learning.comparison import WINDOW, LearnerComparison


def after(known: LearnerComparison, pairs: list[tuple[bool, bool]]) -> LearnerComparison:
    for champion, learner in pairs:
        known = known.after(champion_right=champion, learner_right=learner)
    return known


def drawn(rng: np.random.Generator, count: int, champion: float, learner: float) -> list[tuple[bool, bool]]:
    return [(bool(a), bool(b)) for a, b in zip(rng.random(count) < champion, rng.random(count) < learner, strict=True)]


def test_a_change_of_the_world_is_seen_though_the_learner_was_worse_for_long() -> None:
    rng = np.random.default_rng(3)
    before = after(LearnerComparison(), drawn(rng, 20 * WINDOW, 0.95, 0.85))
    assert before.verdict == "worse"
    later = after(before, drawn(rng, 2 * WINDOW, 0.6, 0.85))
    assert later.verdict == "better"
    assert later.evidence > 4
    assert later.total.total == 22 * WINDOW


def test_an_equal_learner_is_seldom_called_better() -> None:
    """In each window with 0.5 % at most: of 200 windows, more than five have odds of one in a thousand."""
    called = 0
    for seed in range(200):
        rng, known = np.random.default_rng(seed), LearnerComparison()
        for pair in drawn(rng, 400, 0.7, 0.7):
            known = after(known, [pair])
        called += known.verdict == "better"
    assert called <= 5


def test_a_verdict_stands_until_the_window_after_its_own_ends_without() -> None:
    known = after(LearnerComparison(), [(False, True)] * 200 + [(True, True)] * (WINDOW - 200))
    assert (known.verdict, known.decided) == ("better", "better")
    known = after(known, [(True, True)])
    assert (known.verdict, known.decided, known.window.total) == ("better", "undecided", 1)
    known = after(known, [(True, True)] * WINDOW)
    assert known.verdict == "undecided"
    assert known.total.better == 200


def test_nothing_is_decided_on_few_pairs() -> None:
    assert after(LearnerComparison(), [(False, True)] * 99).verdict == "undecided"
    assert after(LearnerComparison(), [(False, True)] * 100).verdict == "better"
