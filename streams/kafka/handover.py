"""Handing a batch to the agent and waiting for its decision, without losing the partitions meanwhile."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as NotYet
from typing import Protocol

from streams.decider import Decider, PartitionState
from streams.kafka.channel import AgentStopped, UnitOfWork
from streams.records import Decision, RecordBatch

PATIENCE_S = 1.0
"""How long to wait for a decision before the partitions are paused and polled; a pause drops the prefetch."""

POLL_S = 0.1

UNDELIVERED_S = 5.0
"""A unit that no agent has begun after this is taken back and handed over again: its actor died with it, or is busy
with one that was dropped."""

STOP_PATIENCE_S = 5.0
"""How long a stop waits for the decision in flight; without it the batch is dropped, to be read again."""

REDO_BACKOFF_S = 0.1


class Member(Protocol):
    """The consumer, as far as waiting needs it (streams.kafka.reader.Reader)."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def heartbeat(self, timeout_s: float) -> None: ...


class Handover:
    """`generation` changes with every rebalance: a batch from before one must be dropped. `seconds`: how long the agent
    took for the last decision, without what it waited for (Decision.waited_s)."""

    def __init__(
        self,
        *,
        decider: Decider,
        submit: Callable[[UnitOfWork], None],
        on_failure: Callable[[RecordBatch, BaseException], None],
        generation: Callable[[], int],
        stop: threading.Event,
        clock: Callable[[], float],
    ) -> None:
        self._decider, self._submit, self._on_failure = decider, submit, on_failure
        self._generation, self._stop, self._clock = generation, stop, clock
        self._begun: UnitOfWork | None = None
        self.seconds = 0.0

    def begin(self, batch: RecordBatch, states: Mapping[int, PartitionState]) -> None:
        """Let the agent prepare the next batch. It waits for `proceed`, `drop` or `ask` then: one of them must follow.
        `states` are the live ones: by its turn they hold what the batch before it left."""
        self._begun = self._hand_over(batch, states)

    def proceed(self) -> None:
        """The batch before the one begun is committed."""
        if self._begun is not None:
            self._begun.proceed()

    def drop(self) -> None:
        """Take back what was begun."""
        if self._begun is not None:
            self._begun.drop()
            self._begun = None

    def ask(self, member: Member, batch: RecordBatch, states: Mapping[int, PartitionState]) -> Decision | None:
        """The agent's decision, asked for once more if it raised. None: drop the batch (stop or rebalance). A unit that
        was begun for another batch is dropped.

        Raises what the decision raised twice.
        """
        raised = False
        if self._begun is not None and self._begun.batch is not batch:
            self.drop()
        unit, self._begun = self._begun, None
        while True:
            unit = unit or self._hand_over(batch, states)
            unit.proceed()  # asked for means its turn, whatever was said before
            try:
                decision = self._wait(member, unit)
                self.seconds = unit.seconds
                if decision is not None:  # else an agent may still be at work on it
                    self.seconds -= decision.waited_s
                    unit.release()
                return decision
            except AgentStopped:
                if self._stop.is_set():
                    return None
            except Exception as error:
                self._on_failure(batch, error)
                if raised:
                    raise
                raised = True
            unit = None
            self._stop.wait(REDO_BACKOFF_S)

    def _hand_over(self, batch: RecordBatch, states: Mapping[int, PartitionState]) -> UnitOfWork:
        unit = UnitOfWork(batch, states, self._decider, self._clock)
        self._submit(unit)
        return unit

    def _wait(self, member: Member, unit: UnitOfWork) -> Decision | None:
        with contextlib.suppress(NotYet):
            return unit.decision.result(PATIENCE_S)
        generation, began = self._generation(), self._clock()
        member.pause()
        try:
            while True:
                member.heartbeat(POLL_S)
                if self._generation() != generation:
                    unit.decision.cancel()
                    return None
                with contextlib.suppress(NotYet):
                    return unit.decision.result(0)
                waited = self._clock() - began
                if self._stop.is_set() and waited > STOP_PATIENCE_S:
                    unit.decision.cancel()
                    return None
                if waited > UNDELIVERED_S and unit.decision.cancel():
                    raise AgentStopped
        finally:
            if self._generation() == generation:
                member.resume()
