"""The circuit breaker of a model: one that fails on everything is left alone for a while, then tried on a few rows.

Pure: time is an argument, in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from streams.contracts import Reason

FAILURES = 3
"""Batches in a row without an answer to any row, until it opens."""

FIRST_BACKOFF_S, MOST_BACKOFF_S = 5.0, 60.0

PROBE_ROWS = 8


class State(StrEnum):
    """`closed`: the model is asked. `open`: it is not. `half_open`: it is asked about a few rows."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Of one model. The thread that asks the model is told the changes."""

    def __init__(self, on_change: Callable[[State, str], None] = lambda _state, _why: None) -> None:
        """`on_change` gets the new state and why, in words."""
        self._on_change = on_change
        self._failures = 0
        self._backoff_s = FIRST_BACKOFF_S
        self._try_at = 0.0
        self.state = State.CLOSED
        self.reason, self.why = Reason.MODEL_ERROR, ""
        """Of the failure that opened it."""

    def admit(self, now: float) -> State:
        """The state that a batch which begins now finds: an open one turns half-open after its backoff."""
        if self.state is State.OPEN and now >= self._try_at:
            self._turn(State.HALF_OPEN, "a few rows are tried")
        return self.state

    def answered(self) -> None:
        """The model answered at least one row."""
        self._failures, self._backoff_s = 0, FIRST_BACKOFF_S
        if self.state is not State.CLOSED:
            self._turn(State.CLOSED, "the model answers")

    def failed(self, now: float, reason: Reason, why: str, *, given_up: bool) -> None:
        """The model answered no row of a batch; `given_up`: nor any of so many calls that it was asked no further."""
        self._failures += 1
        if self.state is State.OPEN or (self.state is State.CLOSED and not given_up and self._failures < FAILURES):
            return  # open, only rows that no rung answers are asked: they may be to blame, and say nothing of others
        if self.state is State.HALF_OPEN:
            self._backoff_s = min(MOST_BACKOFF_S, 2 * self._backoff_s)
        self._try_at = now + self._backoff_s
        self.reason, self.why = reason, why
        self._turn(State.OPEN, why)

    def _turn(self, state: State, why: str) -> None:
        self.state = state
        self._on_change(state, why)
