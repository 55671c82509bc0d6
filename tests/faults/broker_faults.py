"""What happens to brokers: killed and started again, or frozen for a while."""

from __future__ import annotations

import time

import msgspec

from tests.faults.run import Run


class BrokerKill(msgspec.Struct, frozen=True, tag=True):
    """kill -9 of a broker, and its start on what it had written."""

    broker: int
    down_s: float

    def carry(self, run: Run) -> None:
        kafka = run.stage.kafka
        killed_at = time.time()
        kafka.kill(self.broker)
        run.pause(self.down_s)
        kafka.restart(self.broker)
        run.bit("brokers killed")
        back_at = time.time()
        run.recovered(back_at, 90)
        _felt(run, killed_at)


class BrokerStall(msgspec.Struct, frozen=True, tag=True):
    """SIGSTOP of a broker: its connections stay open, and nothing answers."""

    broker: int
    seconds: float

    def carry(self, run: Run) -> None:
        kafka = run.stage.kafka
        stalled_at = time.time()
        kafka.pause(self.broker)
        try:
            run.pause(self.seconds)
        finally:
            kafka.resume(self.broker)
        run.bit("brokers stalled")
        run.recovered(time.time(), 90)
        _felt(run, stalled_at)


def _felt(run: Run, began: float) -> None:
    """Count the partitions that were without an answer for half a second and more, from shortly after a moment on."""
    for partition in run.live.times:
        answer = run.live.next_answer(partition, began + 0.1)
        if answer is not None and answer - began > 0.6:
            run.bit("partitions silent")
