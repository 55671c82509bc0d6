"""The breaker opens after failures in a row, waits longer after each failed trial, and closes by itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.contracts import Reason
from streams.ladder.breaker import FAILURES, FIRST_BACKOFF_S, MOST_BACKOFF_S, Breaker, State


def fail(breaker: Breaker, now: float = 0.0, *, given_up: bool = False) -> None:
    breaker.failed(now, Reason.MODEL_DEADLINE, "no answer", given_up=given_up)


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    fail(breaker, now, given_up=True)
    return breaker


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker()
    for _ in range(FAILURES - 1):
        fail(breaker)
    breaker.answered()
    for _ in range(FAILURES - 1):
        fail(breaker)
    assert breaker.admit(0.0) is State.CLOSED
    fail(breaker)
    assert breaker.admit(0.0) is State.OPEN
    assert (breaker.reason, breaker.why) == (Reason.MODEL_DEADLINE, "no answer")


def test_a_model_that_was_given_up_opens_it_at_once() -> None:
    assert opened().admit(0.0) is State.OPEN


def test_after_its_backoff_it_is_half_open_and_not_before() -> None:
    breaker = opened(now=7.0)
    assert breaker.admit(7.0 + FIRST_BACKOFF_S - 0.01) is State.OPEN
    assert breaker.admit(7.0 + FIRST_BACKOFF_S) is State.HALF_OPEN


def test_failures_while_it_is_open_do_not_put_its_trial_off() -> None:
    breaker = opened(now=0.0)
    for now in range(1, 5):
        fail(breaker, float(now), given_up=True)
    assert breaker.admit(FIRST_BACKOFF_S) is State.HALF_OPEN


def test_each_failed_trial_doubles_the_backoff_up_to_a_bound() -> None:
    breaker, now, waits = opened(), 0.0, []
    for _ in range(8):
        began = now
        while breaker.admit(now) is State.OPEN:
            now += 0.5
        waits.append(now - began)
        fail(breaker, now)
    assert waits == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0, 60.0]
    assert waits[-1] == MOST_BACKOFF_S


def test_a_trial_that_is_answered_closes_it_and_forgets() -> None:
    breaker = opened()
    breaker.admit(FIRST_BACKOFF_S)
    fail(breaker, FIRST_BACKOFF_S)
    breaker.admit(100.0)
    breaker.answered()
    assert breaker.admit(100.0) is State.CLOSED
    fail(breaker, 100.0, given_up=True)
    assert breaker.admit(100.0 + FIRST_BACKOFF_S) is State.HALF_OPEN, "the backoff is the first one again"


def test_each_change_is_told_once_and_why() -> None:
    told: list[tuple[State, str]] = []
    breaker = Breaker(lambda state, why: told.append((state, why)))
    for now in (0.0, 0.0, 0.0, 1.0):
        fail(breaker, now)
    breaker.admit(100.0)
    breaker.admit(100.0)
    breaker.answered()
    breaker.answered()
    assert told == [
        (State.OPEN, "no answer"), (State.HALF_OPEN, "a few rows are tried"), (State.CLOSED, "the model answers"),
    ]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(["answered", "failed", "given up"]), st.floats(0, 100)), max_size=40))
def test_whatever_happens_it_is_asked_again_within_the_longest_backoff(happenings: list[tuple[str, float]]) -> None:
    breaker, now = Breaker(), 0.0
    for what, seconds in happenings:
        now += seconds
        if breaker.admit(now) is State.OPEN:
            continue
        if what == "answered":
            breaker.answered()
            assert breaker.state is State.CLOSED
        else:
            fail(breaker, now, given_up=what == "given up")
    assert breaker.admit(now + MOST_BACKOFF_S) is not State.OPEN
