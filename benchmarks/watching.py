"""Watching one side at work: what of its answers readers can see, and what CPU time it took.

A count is the sum of the output partitions' ends as a read_committed reader sees them (the last stable offset), so an
answer counts once its transaction is committed, or once the broker has it where there is none. Markers of
transactions are counted too; they come off in proportion when the answers are read and counted after the run.
"""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

POLL_S = 0.02
QUIET_S = 1.0
"""All is there when nothing more came for so long."""

START_S = 60.0
STALL_S = 30.0


class Refused(Exception):
    """The side ended before it answered; the message holds its exit code."""


class Point(NamedTuple):
    seconds: float
    visible: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Between a tenth and nine tenths of the answers: events a second, and CPU time of the process, all threads."""

    events_per_second: float
    cpu_us_per_event: float
    answers: int


class Output:
    """The answers of a topic, seen from where it ended when this was made."""

    def __init__(self, servers: str, topic: str, partitions: int) -> None:
        self._servers = servers
        self._admin = AdminClient({"bootstrap.servers": servers, "log_level": 2})
        self._partitions = [TopicPartition(topic, partition) for partition in range(partitions)]
        self._from = self._ends()

    def visible(self) -> int:
        """How much further the ends are, markers included."""
        return sum(end - self._from[partition] for partition, end in self._ends().items())

    def count(self) -> int:
        """Read the answers and count them."""
        ends = self._ends()
        consumer = Consumer(
            {
                "bootstrap.servers": self._servers,
                "group.id": "benchmarks",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "log_level": 2,
            }
        )
        consumer.assign(
            [TopicPartition(each.topic, each.partition, self._from[each.partition]) for each in self._partitions]
        )
        left, answers, deadline = len(ends), 0, time.monotonic() + STALL_S
        try:
            while left and time.monotonic() < deadline:
                for message in consumer.consume(10_000, 0.5):
                    error = message.error()
                    if error is None:
                        answers += 1
                    elif error.code() == KafkaError._PARTITION_EOF:
                        left -= 1
        finally:
            consumer.close()
        return answers

    def _ends(self) -> dict[int, int]:
        latest: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = dict.fromkeys(self._partitions, latest)
        deadline = time.monotonic() + START_S
        while True:
            futures = self._admin.list_offsets(asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=10)
            try:
                return {partition.partition: future.result().offset for partition, future in futures.items()}
            except KafkaException:
                # A topic that was made just now may not have its leaders yet.
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_S)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads (resolution 10 ms)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch(process: subprocess.Popen[bytes], output: Output, events: int) -> Measured:
    """Follow a side until it has answered `events`. Raises Refused, TimeoutError."""
    points: list[Point] = []
    seen, moved_at, stall_s = 0, time.monotonic(), START_S
    while True:
        visible, now = output.visible(), time.monotonic()
        if visible != seen:
            seen, moved_at, stall_s = visible, now, STALL_S
        if not points or points[-1].visible < 0.9 * events:
            if process.poll() is not None:
                raise Refused(f"exit code {process.returncode}")
            if visible >= 0.1 * events and (not points or visible > points[-1].visible):
                points.append(Point(now, visible, cpu_seconds(process.pid)))
        elif visible >= events and now - moved_at > QUIET_S:
            break
        if now - moved_at > stall_s:
            raise TimeoutError(f"{seen} of {events} answers, and no more for {stall_s:g} s")
        time.sleep(POLL_S)
    answers = output.count()
    first, last = points[0], points[-1]
    measured = (last.visible - first.visible) * answers / seen
    return Measured(
        events_per_second=measured / (last.seconds - first.seconds),
        cpu_us_per_event=(last.cpu_seconds - first.cpu_seconds) / measured * 1e6,
        answers=answers,
    )
