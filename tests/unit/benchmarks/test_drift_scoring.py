"""The score of a drift detector: what counts as false, found, late and resolved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.drift.poisson import upper_bound
from benchmarks.drift.scoring import SETTLE, Mark, Score, Truth, score
from drift.scenarios import Episode

ROWS, FIRST, END = 40_000, 10_000, 30_000


def episode(first: int = FIRST, end: int = END, signals: tuple[str, ...] = ("a",), kind: str = "shift") -> Episode:
    return Episode(kind, signals, first, first, end, first // 2, end // 2 if end < ROWS else None)


def truth(*episodes: Episode, allowed: int = 5_000, lead: int = 0) -> Truth:
    return Truth(ROWS, ("a", "b"), episodes, allowed, lead)


def test_every_alarm_on_a_stationary_stream_is_false() -> None:
    found = score([Mark(100, "a"), Mark(200, "b"), Mark(300, "b", "logged")], truth())
    assert (found.alarms, found.false, found.logged, found.quiet) == (2, 2, 1, 2 * ROWS)
    assert found.per_million == pytest.approx(25)
    assert dict(found.by_signal) == {"a": 1, "b": 1}
    assert (found.delay, found.missed) == (None, 0)


def test_the_first_alarm_within_the_time_allowed_finds_an_episode_and_the_next_ones_are_not_false() -> None:
    found = score([Mark(FIRST + 700, "a"), Mark(FIRST + 250, "a"), Mark(END - 1, "a")], truth(episode()))
    assert (found.delays, found.missed, found.false, found.alarms) == ((250,), 0, 0, 3)


def test_an_alarm_before_on_another_signal_or_long_after_is_false_and_finds_nothing() -> None:
    marks = [Mark(FIRST, "a"), Mark(FIRST + 250, "b"), Mark(END + SETTLE + 1, "a")]
    found = score(marks, truth(episode()))
    assert (found.delays, found.false) == ((None,), 3)


def test_an_alarm_that_comes_too_late_is_a_miss_and_not_false() -> None:
    found = score([Mark(FIRST + 5_001, "a")], truth(episode()))
    assert (found.delays, found.missed, found.false) == ((None,), 1, 0)
    assert found.delay == 5_000


def test_values_that_a_change_touches_are_not_quiet() -> None:
    assert score([], truth(episode())).quiet == 2 * ROWS - (END - FIRST + SETTLE)
    overlapping = (episode(1_000, 3_000), episode(4_000, 6_000))
    assert score([], truth(*overlapping)).quiet == 2 * ROWS - (6_000 + SETTLE - 1_000)


def test_each_signal_of_an_episode_is_to_be_found_but_a_dependence_only_once() -> None:
    both = ("a", "b")
    found = score([Mark(FIRST + 10, "b")], truth(episode(signals=both)))
    assert found.delays == (None, 10)
    found = score([Mark(FIRST + 10, "b")], truth(episode(signals=both, kind="dependence")))
    assert found.delays == (10,)
    found = score([Mark(FIRST + 20, "metric/joint")], truth(episode(signals=both, kind="dependence")))
    assert (found.delays, found.false) == ((20,), 0)


def test_a_transition_without_a_sharp_beginning_may_be_found_before_it() -> None:
    found = score([Mark(FIRST - 100, "a")], truth(episode(), lead=500))
    assert (found.delays, found.false) == ((0,), 0)


RESOLVED = Mark(END + 1_500, "a", "resolved")


@pytest.mark.parametrize(
    ("marks", "right"),
    [
        ([RESOLVED], 1),
        ([], 0),
        ([Mark(END + SETTLE + 1, "a", "resolved")], 0),
        ([Mark(END - 100, "a", "resolved")], 0),
        ([RESOLVED, Mark(END + 1_600, "a")], 0),
        ([Mark(FIRST + 5_000, "a", "resolved"), Mark(FIRST + 6_000, "a"), RESOLVED], 0),
        ([RESOLVED, Mark(FIRST + 900, "a", "logged"), Mark(FIRST + 900, "b")], 1),
    ],
)
def test_a_resolve_is_right_by_one_in_time_after_one_alarm(marks: list[Mark], right: int) -> None:
    found = score([Mark(FIRST + 250, "a"), *marks], truth(episode()))
    assert (found.resolves, found.resolved) == (1, right)


def test_only_who_resolves_and_found_an_episode_that_ended_is_asked_for_a_resolve() -> None:
    alarm = Mark(FIRST + 250, "a")
    assert score([alarm], truth(episode()), resolves=False).resolves == 0
    assert score([], truth(episode())).resolves == 0
    assert score([alarm], truth(episode(end=ROWS))).resolves == 0


@given(st.lists(st.tuples(st.integers(1, ROWS), st.sampled_from("ab")), max_size=20), st.integers(0, ROWS - 1))
def test_a_window_scores_what_lies_in_it_as_the_whole_does(alarms: list[tuple[int, str]], start: int) -> None:
    marks = [Mark(seen, signal) for seen, signal in alarms if seen > start]
    whole = truth(episode())
    part = score([Mark(mark.seen - start, mark.signal) for mark in marks], whole.window(start, ROWS))
    if start <= FIRST:
        assert (part.false, part.delays) == (score(marks, whole).false, score(marks, whole).delays)
    else:
        assert part.delays == ()


def test_scores_add_up_over_runs() -> None:
    one = score([Mark(FIRST + 100, "a"), RESOLVED], truth(episode()))
    two = score([Mark(5, "a"), Mark(FIRST + 300, "a")], truth(episode()))
    total = Score() + one + two
    assert (total.delays, total.delay, total.false, total.quiet) == ((100, 300), 200, 1, 2 * one.quiet)
    assert (total.resolves, total.resolved) == (2, 1)


def test_nothing_seen_is_not_nothing() -> None:
    # Tables of Garwood's interval; 3.00 is the rule of three.
    assert [round(upper_bound(count), 2) for count in (0, 1, 5, 100)] == [3.0, 4.74, 10.51, 118.08]
