"""Handing a batch to the agent and waiting for its decision, without losing the partitions meanwhile."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as NotYet
from typing import Protocol

from streams.decider import PartitionState
from streams.kafka.channel import AgentStopped, Decide, UnitOfWork
from streams.records import Decision, RecordBatch

PATIENCE_S = 1.0
"""How long to wait for a decision before the partitions are paused and polled; a pause drops the prefetch."""

POLL_S = 0.1

UNDELIVERED_S = 5.0
"""A unit that no agent has begun after this is taken back and handed over again: its actor died with it."""

STOP_PATIENCE_S = 5.0
"""How long a stop waits for the decision in flight; without it the batch is dropped, to be read again."""

REDO_BACKOFF_S = 0.1


class Membership(Protocol):
    """The consumer, as far as waiting needs it (streams.kafka.reader.Reader)."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def heartbeat(self, timeout_s: float) -> None: ...


class Handover:
    """`generation` changes with every rebalance: a batch from before one must be dropped."""

    def __init__(
        self,
        *,
        decide: Decide,
        submit: Callable[[UnitOfWork], None],
        on_failure: Callable[[RecordBatch, BaseException], None],
        generation: Callable[[], int],
        stop: threading.Event,
        clock: Callable[[], float],
    ) -> None:
        self._decide, self._submit, self._on_failure = decide, submit, on_failure
        self._generation, self._stop, self._clock = generation, stop, clock

    def ask(self, member: Membership, batch: RecordBatch, states: Mapping[int, PartitionState]) -> Decision | None:
        """The agent's decision, asked for once more if it raised. None: drop the batch (stop or rebalance).

        Raises what the decision raised twice.
        """
        raised = False
        while True:
            unit = UnitOfWork(batch, states, self._decide)
            self._submit(unit)
            try:
                return self._wait(member, unit)
            except AgentStopped:
                if self._stop.is_set():
                    return None
            except Exception as error:
                self._on_failure(batch, error)
                if raised:
                    raise
                raised = True
            self._stop.wait(REDO_BACKOFF_S)

    def _wait(self, member: Membership, unit: UnitOfWork) -> Decision | None:
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
