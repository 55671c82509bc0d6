"""End to end: from produce() of an event to its answer in a read_committed reader."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from confluent_kafka import Consumer, TopicPartition
from numpy.typing import NDArray

from benchmarks.sender import stamped
from benchmarks.sides import SIDES, Bench, Run, make_topics, own_topics, running
from benchmarks.tables import Table
from benchmarks.workload import PARTITIONS, Sender, events

WARM_UP_S = 5.0
DRAIN_S = 10.0
START_S = 60.0

_SENT = re.compile(rb'event-(\d{16})"')


@dataclass(frozen=True, slots=True)
class LatencyResult:
    """Milliseconds of the events sent after the warm-up; `missing` were not answered in time."""

    side: str
    rate: int
    sent: int
    missing: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    refused: str | None = None


def latencies(bench: Bench, sides: Sequence[str], rates: Sequence[int], seconds: float) -> list[LatencyResult]:
    """Each side at each rate, one after the other."""
    results = []
    for rate in rates:
        for name in sides:
            results.append(_measure(bench, name, rate, seconds))
            print(results[-1], file=sys.stderr, flush=True)
    return results


def _measure(bench: Bench, name: str, rate: int, seconds: float) -> LatencyResult:
    side, source = SIDES[name], f"paced{rate}-{name}"
    run = Run(bench, f"latency{rate}-{name}", source, 0, prompt=True)
    make_topics(run, "events")
    sent = int(rate * seconds)
    with own_topics(run), running(side, run) as process:
        reader = _Reader(bench.servers, side.output(run))
        try:
            if not _answers(bench.servers, source, reader, process):
                return LatencyResult(name, rate, sent, refused=f"exit code {process.wait()}")
            command = [sys.executable, "-m", "benchmarks.sender", bench.servers, source, str(rate)]
            before, began = reader.count, time.time()
            sender = subprocess.Popen([*command, str(WARM_UP_S + seconds)], stdout=subprocess.DEVNULL)
            while sender.poll() is None:
                reader.read()
            deadline = time.monotonic() + DRAIN_S
            while reader.count - before < sent + int(rate * WARM_UP_S) and time.monotonic() < deadline:
                reader.read()
        finally:
            reader.close()
    sent_s, took_s = reader.columns(since=began)
    counted = took_s[sent_s >= sent_s.min() + WARM_UP_S] * 1000
    p50, p99 = np.percentile(counted, (50, 99)).tolist()
    total = sent + int(rate * WARM_UP_S)
    return LatencyResult(name, rate, sent, total - len(took_s), p50, p99, float(counted.max()))


def _answers(servers: str, source: str, reader: _Reader, process: subprocess.Popen[bytes]) -> bool:
    """Send an event now and then until one is answered. False: the side ended before."""
    sender, deadline = Sender(servers, source, **{"linger.ms": 0}), time.monotonic() + START_S
    event = next(events(lambda _number, features: msgspec.json.encode(features)))
    while not reader.count:
        if process.poll() is not None:
            return False
        if time.monotonic() > deadline:
            raise TimeoutError(f"no answer in {START_S:g} s")
        sender.send(stamped(event, time.time_ns()))
        sender.flush()
        until = time.monotonic() + 0.5
        while time.monotonic() < until and not reader.count:
            reader.read()
    return True


class _Reader:
    """Reads answers as they become visible, and notes when."""

    def __init__(self, servers: str, topic: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": "benchmarks",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 100,
                "log_level": 2,
            }
        )
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        self._sent_us: list[int] = []
        self._read_us: list[int] = []

    @property
    def count(self) -> int:
        return len(self._sent_us)

    def read(self) -> None:
        """Wait a moment for an answer, then take all that are there."""
        first = self._consumer.poll(0.05)
        if first is None:
            return
        now = time.time_ns() // 1000
        for message in (first, *self._consumer.consume(10_000, 0)):
            if message.error() is None:
                found = _SENT.search(message.value() or b"")
                assert found, message.value()
                self._sent_us.append(int(found[1]))
                self._read_us.append(now)

    def columns(self, since: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """When each event was sent, and how long it took, in seconds; only those sent at `since` (epoch) or later."""
        sent, read = np.array(self._sent_us) / 1e6, np.array(self._read_us) / 1e6
        late = sent >= since
        return sent[late], (read - sent)[late]

    def close(self) -> None:
        self._consumer.close()


def table(results: Sequence[LatencyResult], seconds: float) -> Table:
    """For people."""
    rows = [
        [each.side, f"{each.rate:,}", f"refused: {each.refused}", "", "", ""]
        if each.refused
        else [
            each.side,
            f"{each.rate:,}",
            *(f"{ms:.1f}" for ms in (each.p50_ms, each.p99_ms, each.max_ms)),
            f"{each.missing:,}",
        ]
        for each in results
    ]
    note = f"ms from produce() to a read_committed reader; {seconds:g} s each, after {WARM_UP_S:g} s of warm-up"
    return Table(["side", "events/s", "p50", "p99", "longest", "missing"], rows, [note])
