"""Resident memory of a predict worker over millions of events, and whether it grows.

    .venv/bin/python -m benchmarks.memory [--events 10000000] [--parts] [--json FILE]

The events come in bursts of `BURST`, and the broker keeps few of them, so the disk stays small. After each burst, when
all is answered and the worker is at rest, its memory is read for `REST_S`, and the least counts: how full the client's
queues are, or that a snapshot is just being written, says nothing about growth. The peak is that of all samples. The
slope is that of a least-squares line through the bursts of the second half, with Student's 95 % interval.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np

from benchmarks import workload
from benchmarks.machine import machine
from benchmarks.sides import SIDES, Bench, Run, last_words, make_topics, own_topics, running
from benchmarks.watching import Output
from benchmarks.workload import PARTITIONS, Sender
from streams.demo.kraft import KafkaCluster

BURST = 250_000
SAMPLE_S = 0.25
REST_S = 3.0
STALL_S = 60.0
STUDENT = {8: 2.306, 18: 2.101, 38: 2.024}
"""The 97.5 % quantile of Student's distribution by degrees of freedom."""

BOUNDED = {"retention.bytes": str(64 << 20), "segment.bytes": str(16 << 20), "file.delete.delay.ms": "1000"}


@dataclass(frozen=True, slots=True)
class Sample:
    """`parts`: where the memory is, read at rest."""

    answered: int
    rss_mb: float
    at_rest: bool
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Memory:
    """`slope`: MB of each million events in the second half, with the half-width of its 95 % interval."""

    events: int
    first_mb: float
    peak_mb: float
    last_mb: float
    slope: float
    margin: float
    samples: list[Sample]


def rss_mb(pid: int) -> float:
    """Resident memory of a process, in MB of 2**20 bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


def parts_mb(pid: int) -> dict[str, float]:
    """Resident memory of a process by where it is, in MB: malloc's heap, other anonymous mappings, and files."""
    parts = dict.fromkeys(("heap", "anonymous", "files"), 0.0)
    part = "files"
    for words in map(str.split, Path(f"/proc/{pid}/smaps").read_text().splitlines()):
        if "-" in words[0]:  # the first line of a mapping: its addresses, and its name in the sixth place
            name = words[5] if len(words) > 5 else ""
            part = "heap" if name == "[heap]" else "files" if name.startswith("/") else "anonymous"
        elif words[0] == "Rss:":
            parts[part] += int(words[1]) / 1024
    return parts


def slope(samples: Sequence[Sample]) -> tuple[float, float]:
    """MB per million events, and the half-width of the 95 % interval (see the module)."""
    x, y = np.array([(sample.answered / 1e6, sample.rss_mb) for sample in samples]).T
    x = x - x.mean()
    spread = float((x * x).sum())
    found = float((x * y).sum()) / spread
    residuals = y - y.mean() - found * x
    freedom = len(x) - 2
    error = float(np.sqrt((residuals * residuals).sum() / freedom / spread))
    quantile = STUDENT[max(known for known in STUDENT if known <= max(freedom, min(STUDENT)))]
    return found, quantile * error


def measure(bench: Bench, side: str, events: int) -> Memory:
    """Run one worker over `events` events."""
    servers = bench.servers
    run = Run(bench, "memory", "events", events, keep=BOUNDED)
    make_topics(run, "events")
    with own_topics(run):
        output = Output(servers, SIDES[side].output(run), PARTITIONS)
        with running(SIDES[side], run) as process:
            try:
                samples = list(_samples(process, output, Sender(servers, "events"), events))
            except ChildProcessError as ended:
                raise ChildProcessError(f"{ended}; it said:\n{last_words(run)}") from ended
    found, margin = slope([sample for sample in samples if sample.at_rest and sample.answered > events / 2])
    sizes = [sample.rss_mb for sample in samples]
    return Memory(events, sizes[0], max(sizes), sizes[-1], found, margin, samples)


def _samples(process: subprocess.Popen[bytes], output: Output, sender: Sender, events: int) -> Iterator[Sample]:
    made, sent = workload.events(), 0
    while sent < events:
        burst = min(BURST, events - sent)
        for event in islice(made, burst):
            sender.send(event)
        sender.flush()
        sent += burst
        yield from _until_answered(process, output, sent)
        yield min(_at_rest(process.pid, sent), key=lambda sample: sample.rss_mb)


def _at_rest(pid: int, answered: int) -> Iterator[Sample]:
    until = time.monotonic() + REST_S
    while time.monotonic() < until:
        time.sleep(SAMPLE_S)
        yield Sample(answered, rss_mb(pid), at_rest=True, parts=parts_mb(pid))


def _until_answered(process: subprocess.Popen[bytes], output: Output, sent: int) -> Iterator[Sample]:
    answered, moved_at = 0, time.monotonic()
    while answered < sent:
        time.sleep(SAMPLE_S)
        seen = output.visible()
        if process.poll() is not None:
            raise ChildProcessError(f"the worker ended with exit code {process.returncode}")
        if seen > answered:
            answered, moved_at = seen, time.monotonic()
            yield Sample(answered, rss_mb(process.pid), at_rest=False)
        elif time.monotonic() - moved_at > STALL_S:
            raise TimeoutError(f"{answered} answers, and no more for {STALL_S:g} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--side", choices=[name for name in SIDES if name.endswith("once")], default="exactly_once")
    parser.add_argument("--json", type=Path, help="write everything here, samples included")
    parser.add_argument("--parts", action="store_true", help="say where the memory is after each burst")
    options = parser.parse_args()
    brief = {"log.retention.check.interval.ms": 1000, "log.initial.task.delay.ms": 1000}
    with contextlib.ExitStack() as stack:
        kafka = stack.enter_context(KafkaCluster(1, cache=Path(".kafka"), configure=lambda _node, _port: brief))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bench = Bench(kafka.bootstrap_servers, folder, folder / "registry")
        workload.publish_model(bench.registry)
        memory = measure(bench, options.side, options.events)
    print(
        f"{options.side}, {memory.events:,} events of {workload.NAME}: resident memory {memory.first_mb:.1f} MB at the"
        f" first answer, {memory.peak_mb:.1f} MB at most, {memory.last_mb:.1f} MB at the end;\n"
        f"second half, at rest: {memory.slope:+.3f} MB per million events,"
        f" 95 % interval {memory.slope - memory.margin:+.3f} to {memory.slope + memory.margin:+.3f}"
    )
    if options.parts:
        for sample in filter(lambda sample: sample.at_rest, memory.samples):
            parts = ", ".join(f"{part} {size:.1f}" for part, size in sample.parts.items())
            print(f"after {sample.answered:,} events {sample.rss_mb:.1f} MB: {parts}")
    if options.json:
        report = {"workload": workload.NAME, "machine": machine(), "side": options.side, "memory": memory}
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


if __name__ == "__main__":
    main()
