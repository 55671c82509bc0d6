"""The label join with millions of answers that wait: rate, memory, and the way through a snapshot.

    .venv/bin/python -m benchmarks.labels [--waiting 10000000] [--challenger] [--json FILE]

No broker: records of `joins` as workers write them, batch by batch through the decision of the labels role, its state
and its snapshots; where that is asked for with what a challenger answered, too. `bytes an answer` is what the process
grew by while they came, over their number.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.machine import machine
from drift.profile import SignalSpec, build_profile
from streams.decide.labels import LabelsDecider
from streams.decide.outcome_writer import OutcomeWriter
from streams.joining.records import Answers, Beside, Labels, encode_join
from streams.joining.state import JoinState, ModelVersion
from streams.records import RecordBatch

PARTITIONS = 6
RECORDS, ENTRIES = 8, 1024
"""A batch: so many records of so many entries."""
LABELLED = 1_000_000
REPEATS = 100_000
START_MS = 1_767_225_600_000


@dataclass(frozen=True, slots=True)
class Figures:
    waiting: int
    answers_per_s: float
    labels_per_s: float
    joined: int
    repeats_per_s: float
    """Labels of one id, sent again and again."""
    rss_mb: float
    bytes_an_answer: float
    snapshot_mb: float
    snapshot_entries: int
    largest_entry_kb: float
    dump_s: float
    load_s: float


def measure(waiting: int, *, challenger: bool = False) -> Figures:
    reference = build_profile(
        [SignalSpec("x", "number", "feature"), SignalSpec("class", "category", "output", ("no", "yes"))],
        np.array([[0.0, 0.0], [1.0, 1.0]]),
    )
    writer = OutcomeWriter("joins", "observations")
    writer.learn(ModelVersion("m", "1"), reference)
    decider = LabelsDecider(
        writer=writer, window_ms=10**12, most=(1 + challenger) * (-(-waiting // PARTITIONS) + LABELLED)
    )
    states = {partition: decider.load(partition, {}) for partition in range(PARTITIONS)}
    gc.collect()
    before = _rss_bytes()
    spent = sum(_take(decider, states, batch) for batch in _answers(waiting, challenger=challenger))
    gc.collect()
    grown = _rss_bytes() - before
    began = time.perf_counter()
    dumps = {partition: state.dump() for partition, state in states.items()}
    dump_s = time.perf_counter() - began
    labels = min(LABELLED, waiting)
    labelling = sum(_take(decider, states, batch) for batch in _labels(waiting, labels))
    repeating = sum(_take(decider, states, batch) for batch in _repeats(REPEATS))
    rss = _rss_bytes()
    began = time.perf_counter()
    for partition, entries in dumps.items():
        decider.load(partition, entries)
    load_s = time.perf_counter() - began
    sizes = [len(data) for entries in dumps.values() for data in entries.values()]
    return Figures(
        waiting=waiting,
        answers_per_s=waiting / spent,
        labels_per_s=labels / labelling,
        joined=_joined,
        repeats_per_s=REPEATS / repeating,
        rss_mb=rss / 1e6,
        bytes_an_answer=grown / waiting,
        snapshot_mb=sum(sizes) / 1e6,
        snapshot_entries=len(sizes),
        largest_entry_kb=max(sizes) / 1e3,
        dump_s=dump_s,
        load_s=load_s,
    )


_joined = 0


def _take(decider: LabelsDecider, states: dict[int, JoinState], batch: RecordBatch) -> float:
    """Seconds of one batch: reading, joining, telling, keeping."""
    global _joined  # noqa: PLW0603  # a script's own tally
    began = time.perf_counter()
    decision = decider.decide(states, batch, decider.prepare(batch))
    for partition, change in decision.changes.items():
        states[partition].apply(change)
    spent = time.perf_counter() - began
    report = decision.report
    _joined += sum(own.outcomes for own in report.accuracies.values())  # type: ignore[attr-defined]
    return spent


def _answers(count: int, *, challenger: bool) -> Iterator[RecordBatch]:
    rng = np.random.default_rng(1)
    for number, first in enumerate(range(0, count, RECORDS * ENTRIES)):
        values = []
        for start in range(first, min(first + RECORDS * ENTRIES, count), ENTRIES):
            ids = _ids(start, min(ENTRIES, count - start))
            confidences = rng.uniform(0.5, 1.0, len(ids)).round(4).tolist()
            times = [START_MS + start + index for index in range(len(ids))]
            beside = Beside("2", ["no"] * len(ids)) if challenger else None
            values.append(encode_join(Answers("m", "1", ids, times, ["yes"] * len(ids), confidences, beside)))
        yield _batch(number, values)


def _labels(waiting: int, count: int) -> Iterator[RecordBatch]:
    """Of answers from anywhere among those that wait, no two of one."""
    rng = np.random.default_rng(2)
    chosen = (np.arange(count) * (waiting // count) + rng.integers(0, max(1, waiting // count), count)).tolist()
    # An id's partition is that of its record.
    by_partition: dict[int, list[int]] = {partition: [] for partition in range(PARTITIONS)}
    for number in chosen:
        by_partition[_partition_of(number)].append(number)
    for partition, numbers in by_partition.items():
        for first in range(0, len(numbers), RECORDS * ENTRIES):
            ids = [f"event-{number:012d}" for number in numbers[first : first + RECORDS * ENTRIES]]
            parts = [ids[start : start + ENTRIES] for start in range(0, len(ids), ENTRIES)]
            values = [encode_join(Labels(part, ["yes"] * len(part))) for part in parts]
            yield _batch(partition, values)


def _repeats(count: int) -> Iterator[RecordBatch]:
    for first in range(0, count, RECORDS * ENTRIES):
        left = min(RECORDS * ENTRIES, count - first)
        sizes = [min(ENTRIES, left - start) for start in range(0, left, ENTRIES)]
        yield _batch(0, [encode_join(Labels(["nobody's"] * size, ["yes"] * size)) for size in sizes])


def _partition_of(number: int) -> int:
    return number // (RECORDS * ENTRIES) % PARTITIONS


def _ids(first: int, count: int) -> list[str]:
    return [f"event-{number:012d}" for number in range(first, first + count)]


_offsets = dict.fromkeys(range(PARTITIONS), 0)


def _batch(number: int, values: list[bytes]) -> RecordBatch:
    partition, n = number % PARTITIONS, len(values)
    first, _offsets[partition] = _offsets[partition], _offsets[partition] + n
    stamps = [START_MS] * n
    return RecordBatch("joins", [partition] * n, [*range(first, first + n)], [None] * n, [*values], stamps, [None] * n)


def _rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--waiting", type=int, default=10_000_000)
    parser.add_argument("--challenger", action="store_true", help="another version answered each event, too")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = measure(arguments.waiting, challenger=arguments.challenger)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.encode({"machine": machine(), "figures": asdict(found)}))
    for name, value in asdict(found).items():
        shown = f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
        print(f"{name:18} {shown:>16}")


if __name__ == "__main__":
    main()
