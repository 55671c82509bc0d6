"""The way of a batch from a lane's thread to a Faust agent, and of the decision back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from typing import Any

import faust

from streams.decider import Decider, PartitionState
from streams.records import Decision, RecordBatch


class UnitOfWork:
    """One batch on its way through an agent, with what its role decides by (`streams.decide`).

    It is prepared at once, and decided about in its turn: when `proceed` says that the batch before it is committed.
    The future ends with the decision, the error, or a cancellation.
    """

    def __init__(
        self,
        batch: RecordBatch,
        states: Mapping[int, PartitionState],
        decider: Decider,
        clock: Callable[[], float],
    ) -> None:
        self.batch, self.states = batch, states
        self._decider, self._clock = decider, clock
        self._turn, self._dropped = threading.Event(), False
        self._taken_up_at = self._held_s = 0.0
        self.decision: Future[Decision] = Future()

    def proceed(self) -> None:
        """The batch before it is committed, and the states are those that it left."""
        self._turn.set()

    def drop(self) -> None:
        """It is not to be decided about; whoever has it in hand is free."""
        self._dropped = True
        self._turn.set()
        self.decision.cancel()

    @property
    def seconds(self) -> float:
        """Since an agent took it up, without the wait for its turn."""
        return self._clock() - self._taken_up_at - self._held_s

    def release(self) -> None:
        """Called with the decision in hand: an agent keeps its last unit until the next one comes."""
        del self.batch, self.states, self.decision

    async def answer(self, executor: Executor) -> None:
        """Called by the agent: decide off the event loop and hand the result, or the failure, to the lane.

        A failing decision is a value for the lane (it redoes and bisects); only a cancelled agent raises.
        """
        if not self.decision.set_running_or_notify_cancel():
            return
        loop = asyncio.get_running_loop()
        try:
            decision = await loop.run_in_executor(executor, self._decide)
        except Exception as error:  # noqa: BLE001  # whatever it is, the lane decides what becomes of the batch
            self.decision.set_exception(error)
        except BaseException:
            self.decision.set_exception(AgentStopped())
            raise
        else:
            self.decision.set_result(decision)

    def _decide(self) -> Decision:
        self._taken_up_at = self._clock()
        prepared = self._decider.prepare(self.batch)
        prepared_at = self._clock()
        self._turn.wait()
        self._held_s = self._clock() - prepared_at
        if self._dropped:
            raise AgentStopped
        return self._decider.decide(self.states, self.batch, prepared)


class AgentStopped(Exception):
    """No decision is coming, and the batch is not to blame: its agent was stopped or killed, or the unit dropped."""


class BatchChannel(faust.Channel[UnitOfWork]):
    """A Faust channel with one queue for all its iterators.

    Faust gives every iterator a queue of its own; a restarted agent would leave an old one behind, which nobody
    empties, and a unit in it would be lost. Here a unit waits for whichever actor comes next.
    """

    def __init__(self, app: faust.App, *, source: str, **kwargs: Any) -> None:
        """`source` is the Kafka topic that the batches come from; `faust … agents` shows it."""
        super().__init__(app, **kwargs)
        self._source = source

    def get_topic_name(self) -> str:
        return self._source

    def _clone_args(self) -> Mapping[str, Any]:
        root = self._root if self._root is not None else self
        return {**super()._clone_args(), "queue": root.queue, "source": self._source}

    async def put(self, value: UnitOfWork) -> None:  # type: ignore[override]  # Faust types it as an Event
        root = self._root if self._root is not None else self
        await root.queue.put(value)
