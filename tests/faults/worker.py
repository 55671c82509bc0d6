"""A real worker that takes orders: `python -m tests.faults.worker SETUP ORDERS`, settings from the environment.

SETUP is a `WorkerSetup` as JSON. ORDERS is a file: every line that is appended to it is an `Order`, taken at once.
What an order came to is said on a line of the log, as JSON with the key `bit`.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
from confluent_kafka import KafkaError, KafkaException, Producer

import streams.worker
from streams.app import WeirApp, create_app
from streams.kafka import deliveries, idleness, publisher
from streams.kafka.patience import Patience
from streams.settings import load_settings
from streams.telemetry.log import configure_logging
from streams.worker import run_worker
from tests.faults.models import misbehave
from tests.faults.mutants import MUTANTS

NEVER_IDLE_S = 1e9

SENDING_S = 0.1
"""Before a transaction is given up: records that the client still holds would be dropped, and none seen as aborted."""


class WorkerSetup(msgspec.Struct, frozen=True):
    """How this worker differs from the one that users run.

    `idle_marks` False: a silent partition is marked only after the order `rest`. A mark is wall clock made into data:
    given while a broker stalls it would rightly close blocks whose events are still to come, and the state of drift
    could not be compared with that of an uninterrupted run.
    `model_fault`, `model_folder`: see `tests.faults.misbehaviour`.
    """

    roles: tuple[str, ...] = ("predict", "drift")
    mutant: str = ""
    transaction_timeout_s: float | None = None
    queue_records: int | None = None
    idle_marks: bool = True
    model_fault: str = ""
    model_folder: str = ""


class Order(msgspec.Struct, frozen=True):
    """kill: SIGKILL itself at the `nth` time that the lanes come to `point`. stop: the same with SIGSTOP.
    abort: give up every `nth` transaction. clock: let the wall clock jump by `seconds`. rest: mark silent partitions.
    agents: cancel the Faust agents, `nth` times. With `role` only this role's lane is meant, with `answers` only a
    transaction that a decision led to: at rest a lane writes snapshots alone."""

    do: Literal["kill", "stop", "abort", "clock", "rest", "agents"]
    point: str = ""
    nth: int = 1
    seconds: float = 0.0
    role: str = ""
    answers: bool = False


class Obedience:
    """The orders that wait for a point of a turn, and the clock. `reach` runs on the lanes' threads."""

    def __init__(self) -> None:
        self._waiting: Order | None = None
        self._reached: Counter[str] = Counter()
        self._decided: set[str] = set()
        self._lock = threading.Lock()
        self._ahead_s = 0.0
        self._jumped = False
        self.app: WeirApp | None = None

    def reach(self, point: str) -> None:
        lane = threading.current_thread().name
        with self._lock:
            if point == "after_decide":
                self._decided.add(lane)
            elif point == "after_commit":
                self._decided.discard(lane)
            order = self._waiting
            if order is None or point != (order.point or "after_produce"):
                return
            if (order.role and lane != f"lane-{order.role}") or (order.answers and lane not in self._decided):
                return
            self._reached[point] += 1
            if order.do == "abort":
                if self._reached[point] % order.nth == 0:
                    time.sleep(SENDING_S)
                    say("abort")
                    raise KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT))
            elif self._reached[point] == order.nth:
                self._waiting = None
                say(order.do, point=point)
                # Sent to the process, the main thread would take it, in its time, and this one go on meanwhile.
                signal.pthread_kill(threading.get_ident(), signal.SIGKILL if order.do == "kill" else signal.SIGSTOP)

    def take(self, order: Order) -> None:
        match order.do:
            case "clock":
                self._ahead_s += order.seconds
                self._jumped = True
            case "rest":
                idleness.FIRST_MARK_S = 0.5
            case "agents":
                threading.Thread(target=self._haunt, args=(order.nth,), daemon=True).start()
            case _:
                with self._lock:
                    self._reached.clear()
                    self._waiting = order

    def wall_clock(self, real: Callable[[], float]) -> Callable[[], float]:
        def now() -> float:
            if self._jumped:
                self._jumped = False
                say("clock", ahead_s=self._ahead_s)
            return real() + self._ahead_s

        return now

    def _haunt(self, times: int) -> None:
        for _ in range(times):
            time.sleep(0.7)
            app = self.app
            if app is not None:
                for agent in app.agents.values():
                    for actor in list(agent._actors):
                        app.loop.call_soon_threadsafe(actor.actor_task.cancel)


def say(bit: str, **more: object) -> None:
    """One line to the log, whole even if the process ends right after."""
    os.write(2, msgspec.json.encode({"bit": bit, "at": REAL_TIME(), **more}) + b"\n")


REAL_TIME = time.time


class SmallQueueProducer(Producer):
    """Says when its queue was full."""

    records = 0
    full = 0

    def __init__(self, config: dict[str, Any], **more: Any) -> None:
        super().__init__({**config, "queue.buffering.max.messages": self.records}, **more)

    def produce(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().produce(*args, **kwargs)
        except BufferError:
            self.full += 1
            if self.full.bit_count() == 1:
                say("buffer_error", times=self.full)
            raise


def prepare(setup: WorkerSetup) -> None:
    """Change the program before it starts."""
    if setup.transaction_timeout_s is not None:
        publisher.TRANSACTION_TIMEOUT_S = setup.transaction_timeout_s
        Patience.__init__.__defaults__ = (setup.transaction_timeout_s, time.monotonic)
    if not setup.idle_marks:
        idleness.FIRST_MARK_S = NEVER_IDLE_S
    if setup.queue_records is not None:
        SmallQueueProducer.records = setup.queue_records
        deliveries.Producer = SmallQueueProducer  # type: ignore[attr-defined]
    if setup.model_fault:
        misbehave(setup.model_fault, Path(setup.model_folder))
    if setup.mutant:
        MUTANTS[setup.mutant]()


def obey(obedience: Obedience, orders: Path) -> None:
    """Take the orders as they are appended."""
    with orders.open("rb") as file:
        while True:
            line = file.readline()
            if line.endswith(b"\n"):
                obedience.take(msgspec.json.decode(line, type=Order))
            else:
                file.seek(-len(line), os.SEEK_CUR)
                time.sleep(0.02)


def main() -> None:
    setup = msgspec.json.decode(sys.argv[1], type=WorkerSetup)
    obedience = Obedience()
    prepare(setup)
    time.time = obedience.wall_clock(REAL_TIME)

    def create_and_note(*args: Any, **kwargs: Any) -> WeirApp:
        obedience.app = create_app(*args, **kwargs)
        return obedience.app

    streams.worker.create_app = create_and_note  # type: ignore[attr-defined]
    threading.Thread(target=obey, args=(obedience, Path(sys.argv[2])), daemon=True).start()
    faulthandler.register(signal.SIGRTMIN, all_threads=True)  # `kill -RTMIN` shows where it hangs
    configure_logging(as_json=True)
    sys.exit(run_worker(load_settings(), setup.roles, obedience.reach))


if __name__ == "__main__":
    main()
