"""A real worker that dies, or misbehaves, on purpose: `python -m tests.crash.doomed_worker ROLES POINT NTH MUTANT`.

POINT `-` never dies by itself, `abort` gives up every NTH transaction, `agents` kills the Faust agents NTH times.
MUTANT `-` is the lane as it is. Settings come from the environment.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException

import streams.worker
from streams.app import WeirApp, create_app
from streams.kafka.lane import Lane
from streams.records import Decision, RecordBatch
from streams.settings import load_settings
from streams.telemetry.log import configure_logging
from streams.worker import run_worker


def commit_first(lane: type[Lane]) -> None:
    """Offsets in a transaction of their own, before the answers."""
    publish = lane._publish

    def wrong(self: Lane, batch: RecordBatch, decision: Decision) -> bool:
        self._publisher.publish([], self._next_offsets(batch), self._reader.group_metadata())
        self._reach("between")
        return publish(self, batch, decision)

    lane._publish = wrong  # type: ignore[method-assign]


def no_seek_after_abort(lane: type[Lane]) -> None:
    """An aborted batch is forgotten; reading goes on behind it."""

    def wrong(self: Lane, error: Exception) -> None:
        self._observer.aborted(str(error))

    lane._recover = wrong  # type: ignore[method-assign]


def state_not_rolled_back(lane: type[Lane]) -> None:
    """The state takes the changes before the commit, and an abort leaves them in."""
    publish = lane._publish

    def wrong(self: Lane, batch: RecordBatch, decision: Decision) -> bool:
        for partition, change in decision.changes.items():
            self._owned[partition].state.apply(change)
        return publish(self, batch, Decision(decision.outbox, {}, decision.report))

    lane._publish = wrong  # type: ignore[method-assign]


MUTANTS = {mutant.__name__: mutant for mutant in (commit_first, no_seek_after_abort, state_not_rolled_back)}


def kill_agents(times: int) -> None:
    """Cancel the tasks of all Faust agents, a few times, as soon as the app is made."""

    def create_and_haunt(*args: Any, **kwargs: Any) -> WeirApp:
        app = create_app(*args, **kwargs)

        def haunt() -> None:
            for _ in range(times):
                time.sleep(0.7)
                for agent in app.agents.values():
                    for actor in list(agent._actors):
                        app.loop.call_soon_threadsafe(actor.actor_task.cancel)

        threading.Thread(target=haunt, daemon=True).start()
        return app

    streams.worker.create_app = create_and_haunt  # type: ignore[attr-defined]


def dying_at(point: str, nth: int) -> Callable[[str], None]:
    """kill -9 of this process when `point` is reached for the `nth` time."""
    reached = 0

    def reach(now: str) -> None:
        nonlocal reached
        if point == "abort" and now == "after_produce":
            reached += 1
            if reached % nth == 0:
                raise KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT))
        if now == point:
            reached += 1
            if reached == nth:
                os.kill(os.getpid(), signal.SIGKILL)

    return reach


def main() -> None:
    roles, point, nth, mutant = sys.argv[1:]
    if point == "agents":
        kill_agents(int(nth))
    if mutant != "-":
        MUTANTS[mutant](Lane)
    configure_logging(as_json=True)
    sys.exit(run_worker(load_settings(), tuple(roles.split(",")), dying_at(point, int(nth))))


if __name__ == "__main__":
    main()
