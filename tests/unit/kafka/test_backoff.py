"""Waits between tries: never a spin, never longer than 5 s, and a stop ends them."""

from __future__ import annotations

import pytest

from streams.kafka.backoff import FIRST_S, MOST_S, Backoff


class Slices:
    """Time that passes only by being waited for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr("streams.kafka.backoff.time.monotonic", lambda: self.now)

    def __call__(self, seconds: float) -> None:
        self.now += seconds


def test_waits_double_up_to_a_limit_and_begin_anew_after_success(monkeypatch: pytest.MonkeyPatch) -> None:
    passing = Slices(monkeypatch)
    backoff = Backoff(lambda: False, passing)
    waits = []
    for _ in range(9):
        began = passing.now
        backoff.wait()
        waits.append(passing.now - began)
    assert waits[:3] == pytest.approx([FIRST_S, 2 * FIRST_S, 4 * FIRST_S])
    assert max(waits) == pytest.approx(MOST_S)
    backoff.reset()
    began = passing.now
    backoff.wait()
    assert passing.now - began == pytest.approx(FIRST_S)


def test_a_stop_ends_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    passing = Slices(monkeypatch)
    backoff = Backoff(lambda: passing.now >= 1.0, passing)
    for _ in range(20):
        backoff.wait()
    assert passing.now == pytest.approx(1.0, abs=0.2)
