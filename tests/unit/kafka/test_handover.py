"""Handing batches over: a batch begun ahead waits for its turn, and whoever prepared it is set free in any case."""

from __future__ import annotations

import asyncio
import sys
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from streams.kafka.channel import UnitOfWork
from streams.kafka.handover import Handover
from streams.records import Decision, RecordBatch
from tests.waiting import until


class Member:
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def heartbeat(self, timeout_s: float) -> None: ...


class Notes:
    """A role that notes what it is asked for."""

    role = "notes"

    def __init__(self) -> None:
        self.said: list[str] = []
        self.waited_s = 0.0
        self.prepared = threading.Event()

    def load(self, partition: int, entries: Any) -> Any:
        raise AssertionError

    def prepare(self, batch: RecordBatch) -> str:
        self.said.append(f"prepare {batch.topic}")
        self.prepared.set()
        return batch.topic

    def decide(self, _states: Any, batch: RecordBatch, prepared: str) -> Decision:
        assert prepared == batch.topic
        self.said.append(f"decide {batch.topic}")
        return Decision([], {}, waited_s=self.waited_s)

    def give_up(self, batch: RecordBatch, error: Exception) -> Decision:
        raise AssertionError


def batch(name: str) -> RecordBatch:
    return RecordBatch(name, [], [], [], [], [], [])


class Clock:
    """Stands still, and counts who looks."""

    def __init__(self) -> None:
        self.now, self.looks = 0.0, 0

    def __call__(self) -> float:
        self.looks += 1
        return self.now

    def looked_at(self, times: int) -> None:
        until(lambda: self.looks >= times, f"the clock was looked at {times} times", 10, every_s=0.001)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def units() -> list[UnitOfWork]:
    """What was handed over, held as an agent holds its last unit."""
    return []


@pytest.fixture
def handover(notes: Notes, clock: Clock, units: list[UnitOfWork]) -> Iterator[Handover]:
    executor, agents = ThreadPoolExecutor(1), ThreadPoolExecutor(4)

    def submit(unit: UnitOfWork) -> None:
        units.append(unit)
        agents.submit(asyncio.run, unit.answer(executor))

    handover = Handover(
        decider=notes,
        submit=submit,
        on_failure=lambda *_: None,
        generation=lambda: 0,
        stop=threading.Event(),
        clock=clock,
    )
    yield handover
    handover.drop()
    agents.shutdown()
    executor.shutdown()


def test_a_batch_begun_ahead_is_prepared_at_once_and_decided_in_its_turn(
    handover: Handover, notes: Notes, clock: Clock
) -> None:
    handover.begin(ahead := batch("b"), {})
    assert notes.prepared.wait(10)
    assert notes.said == ["prepare b"]
    clock.looked_at(2)  # taken up, and prepared
    clock.now = 1000.0
    handover.proceed()
    assert handover.ask(Member(), ahead, {}) == Decision([], {})
    assert notes.said == ["prepare b", "decide b"]
    assert handover.seconds == 0, "the wait for its turn is not the agent's time"


def test_what_a_decision_waited_for_is_not_its_time(handover: Handover, notes: Notes) -> None:
    """The pace of the lane is that of the model that answers, however slow its challenger is."""
    notes.waited_s = 0.24
    handover.ask(Member(), batch("a"), {})
    assert handover.seconds == -0.24, "the clock stands still"


def test_another_batch_goes_before_one_begun_ahead_which_is_begun_again(handover: Handover, notes: Notes) -> None:
    handover.begin(ahead := batch("b"), {})
    assert notes.prepared.wait(10)
    handover.ask(Member(), batch("half of a"), {})
    handover.ask(Member(), ahead, {})
    assert notes.said == ["prepare b", "prepare half of a", "decide half of a", "prepare b", "decide b"]


def test_a_dropped_batch_is_never_decided_and_holds_nobody_up(handover: Handover, notes: Notes) -> None:
    handover.begin(batch("b"), {})
    assert notes.prepared.wait(10)
    handover.drop()
    handover.ask(Member(), batch("c"), {})
    assert "decide b" not in notes.said


def test_an_agent_that_waits_for_its_next_batch_does_not_hold_the_last(
    handover: Handover, units: list[UnitOfWork]
) -> None:
    last = batch("a")
    gone = weakref.ref(last)
    decision = handover.ask(Member(), last, {})
    assert decision is not None
    del last
    until(lambda: gone() is None, "the batch is let go of", 10)
    until(lambda: sys.getrefcount(decision) == 2, "nobody else has the decision", 10)
    assert len(units) == 1
