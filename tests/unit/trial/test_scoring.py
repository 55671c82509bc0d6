"""Which injected changes were found, how late, and which alerts nothing injected explains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from streams.trial.lives import lives_of
from streams.trial.scoring import Outcome, judge, unexplained
from tests.unit.trial.building import START, alert, episode

TIMES = START + np.arange(10_000)


def test_an_alert_about_the_signal_after_the_change_began_has_found_it() -> None:
    lives = lives_of([alert("size", (900, 1000, 1100), 1400), alert("plan", (900, 1000, 1100), 1300)])
    (verdict,) = judge([episode()], lives, TIMES)
    assert (verdict.outcome, verdict.rows_late, verdict.onset_holds) == (Outcome.FOUND, 400, True)
    assert verdict.life is lives[0]
    assert unexplained([episode()], lives) == [lives[1]]


def test_an_alert_before_the_change_has_not_found_it() -> None:
    lives = lives_of([alert("size", (500, 600, 700), 950), alert("size", (500, 600, 700), 990, "resolved")])
    (verdict,) = judge([episode()], lives, TIMES)
    assert verdict.outcome is Outcome.MISSED
    assert unexplained([episode()], lives) == lives


def test_an_alert_that_stood_already_has_not_found_the_change_but_hides_it() -> None:
    standing = alert("size", (500, 600, 700), 950)
    (verdict,) = judge([episode()], lives_of([standing]), TIMES)
    assert verdict.outcome is Outcome.STANDING
    updated = alert("size", (500, 600, 700), 1500, "updated")
    (verdict,) = judge([episode()], lives_of([standing, updated]), TIMES)
    assert (verdict.outcome, verdict.rows_late) == (Outcome.FOUND, 500)


def test_an_alert_that_comes_when_the_change_is_over_counts_if_it_tells_of_it() -> None:
    over = episode(ended=2000)
    late, later = alert("size", (1950, 2000, 2100), 2300), alert("size", (2400, 2500, 2600), 2900)
    assert judge([over], lives_of([late]), TIMES)[0].outcome is Outcome.FOUND
    assert judge([over], lives_of([later]), TIMES)[0].outcome is Outcome.MISSED
    assert unexplained([over], lives_of([late, later])) == lives_of([later])


def test_each_of_two_changes_has_its_own_alert() -> None:
    first, second = episode(ended=2000), episode(began=5000, ended=6000)
    found = [
        alert("size", (900, 1000, 1100), 1400),
        alert("size", (900, 1000, 1100), 2600, "resolved"),
        alert("size", (4900, 5000, 5100), 5300),
    ]
    before, after = judge([first, second], lives_of(found), TIMES)
    assert (before.rows_late, before.resolved_ms) == (400, START + 2600)
    assert (after.rows_late, after.resolved_ms) == (300, None)


def test_an_onset_holds_where_its_interval_meets_the_time_that_the_change_took_to_set_in() -> None:
    lives = lives_of([alert("size", (1500, 1600, 1700), 2000)])
    assert judge([episode()], lives, TIMES)[0].onset_holds is False
    assert judge([episode(full=1550)], lives, TIMES)[0].onset_holds is True


def test_a_new_dependence_is_found_by_the_signal_of_all_numbers_together() -> None:
    lives = lives_of([alert("metric/joint", (900, 1000, 1100), 1400)])
    apart = replace(episode(), kind="dependence", signals=("size", "weight"))
    assert judge([apart], lives, TIMES)[0].outcome is Outcome.FOUND
    assert judge([episode()], lives, TIMES)[0].outcome is Outcome.MISSED


def test_answers_that_follow_the_inputs_are_explained_and_no_finding_of_theirs() -> None:
    lives = lives_of([alert("metric/score", (900, 1000, 1100), 1400)])
    assert unexplained([episode()], lives) == []
    assert judge([episode()], lives, TIMES)[0].outcome is Outcome.MISSED
    assert unexplained([], lives) == lives
