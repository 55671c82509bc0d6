from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import pytest

from streams.demo.interrupts import Interrupted, Interrupts

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@BOTH
def test_while_starting_a_signal_ends_it_at_once(number: signal.Signals) -> None:
    with Interrupts(), pytest.raises(Interrupted):
        signal.raise_signal(number)


@BOTH
def test_the_first_one_asks_and_the_second_one_insists(number: signal.Signals) -> None:
    with Interrupts() as interrupts:
        interrupts.patient()
        assert not interrupts.asked
        signal.raise_signal(number)
        assert interrupts.asked
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGINT)


@BOTH
def test_cleaning_up_is_not_disturbed(number: signal.Signals) -> None:
    with Interrupts() as interrupts:
        interrupts.ignore()
        signal.raise_signal(number)


def test_afterwards_signals_are_as_before() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def _signalled_while_held(interrupts: Interrupts, number: signal.Signals, then: Callable[[], object]) -> None:
    with interrupts.held():
        signal.raise_signal(number)
        then()


@BOTH
def test_a_start_is_not_torn(number: signal.Signals) -> None:
    started = threading.Event()
    with Interrupts() as interrupts, pytest.raises(Interrupted):
        _signalled_while_held(interrupts, number, started.set)
    assert started.is_set()


def test_what_fails_while_a_signal_waits_is_told() -> None:
    with Interrupts() as interrupts, pytest.raises(ZeroDivisionError):
        _signalled_while_held(interrupts, signal.SIGINT, lambda: 1 // 0)


def test_a_held_signal_is_raised_once() -> None:
    with Interrupts() as interrupts:
        with pytest.raises(Interrupted):
            _signalled_while_held(interrupts, signal.SIGINT, int)
        with interrupts.held():
            pass
