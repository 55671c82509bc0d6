"""What drift costs the predict path: whole decisions on batches of the bench's events, with and without its counting.

    .venv/bin/python -m benchmarks.drift.overhead [--turns 9] [--json FILE]

In one process and without a broker, which makes the share larger than in a worker: reading and publishing cost the same
either way. The two sides take turns, with the same batches.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks import workload
from benchmarks.machine import machine
from drift.observation import SliceDelta
from drift.profile import decode_profile
from drift.settings import DriftSettings
from drift.summary import Summariser
from models.registry import Registry
from streams.decide.observing import Summariser as Counting
from streams.decide.predict import PredictDecider
from streams.decide.serving import PredictTopics, make_serving
from streams.limits import Limits
from streams.pipeline import Pipeline
from streams.records import RecordBatch

RECORDS, BATCHES = 8_192, 12


class Uncounted:
    """Says nothing of any rows."""

    def chunks(self, _partitions: NDArray[np.int64], times_ms: NDArray[np.int64]) -> Iterator[slice]:
        yield slice(0, len(times_ms))

    def summarise(
        self,
        partitions: NDArray[np.int64],
        _times_ms: NDArray[np.int64],
        _matrix: NDArray[np.float64],
        _offsets: NDArray[np.int64] | None = None,
    ) -> dict[int, list[SliceDelta]]:
        return {partition: [] for partition in np.unique(partitions).tolist()}


def batches() -> list[RecordBatch]:
    """The first events of the workload as a lane would hand them on."""
    made = workload.events()
    found = []
    for number in range(BATCHES):
        events = list(itertools.islice(made, RECORDS))
        first = number * RECORDS
        found.append(
            RecordBatch(
                "events",
                [event.partition for event in events],
                [(first + row) // workload.PARTITIONS for row in range(RECORDS)],
                [event.key.encode() for event in events],
                [event.value for event in events],
                [workload.FIRST_MS + (first + row) // workload.EVENTS_PER_MS for row in range(RECORDS)],
                [None] * RECORDS,
            )
        )
    return found


def decider(registry: Path, counting: Counting | None) -> PredictDecider:
    """The predict role's decider over the workload's model; its own counting, or another."""
    model = Registry(registry).load("linear")
    profile = decode_profile(model.reference)
    serving = make_serving(
        Pipeline(model, Limits()),
        PredictTopics(
            events="events", predictions="predictions", dead_letters="dead-letters", observations="observations"
        ),
        summariser=counting or Summariser(profile, DriftSettings().slice_ms),
        profile_id=profile.id,
        max_message_bytes=1 << 20,
    )
    return PredictDecider(lambda: serving, dead_letters_topic="dead-letters", dedupe_window=50_000)


def seconds(subject: PredictDecider, work: list[RecordBatch]) -> float:
    """CPU time of the decisions, from records to what is to be published."""
    states = {partition: subject.load(partition, {}) for partition in range(workload.PARTITIONS)}
    started = time.process_time()
    for batch in work:
        decision = subject.decide(states, batch, subject.prepare(batch))
        for partition, change in decision.changes.items():
            states[partition].apply(change)
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        registry = Path(folder)
        workload.publish_model(registry)
        work = batches()
        sides = {"on": decider(registry, None), "off": decider(registry, Uncounted())}
        for subject in sides.values():
            seconds(subject, work)  # warm
        turns = [
            {name: seconds(sides[name], work) for name in order}
            for order, _ in zip(itertools.cycle((("on", "off"), ("off", "on"))), range(options.turns), strict=False)
        ]
    shares = sorted(turn["on"] / turn["off"] - 1 for turn in turns)
    each = {name: statistics.median(turn[name] for turn in turns) / (BATCHES * RECORDS) * 1e6 for name in sides}
    print(
        f"{workload.NAME}, {BATCHES * RECORDS:,} events a turn, {options.turns} turns: drift adds"
        f" {statistics.median(shares):.1%} ({shares[0]:.1%} to {shares[-1]:.1%}) to the CPU time of a decision,"
        f" {each['on']:.2f} against {each['off']:.2f} us an event"
    )
    if options.json:
        report = {"workload": workload.NAME, "machine": machine(), "turns": turns}
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


if __name__ == "__main__":
    main()
