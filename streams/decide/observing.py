"""What the predict role tells drift: the observations of a batch, and idle marks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from drift.challenge import PAIRS
from drift.conduct import Conduct
from drift.observation import Observation, SliceDelta
from models.prediction import Model
from streams.event_time import EARLIEST_MS
from streams.pipeline import Outcomes
from streams.records import OutboxRecord, RecordBatch

Integers = NDArray[np.int64]

NO_EVENT_TIME = EARLIEST_MS
"""`max_time` of an observation where no event's time could be read: it moves nothing forward."""

NO_OFFSET = -1


class Summariser(Protocol):
    """What drift wants to know of rows (drift.summary.Summariser)."""

    def chunks(self, partitions: Integers, times_ms: Integers) -> Iterator[slice]:
        """Consecutive row ranges, each small enough for one record a partition."""
        ...

    def summarise(
        self, partitions: Integers, times_ms: Integers, matrix: NDArray[np.float64], offsets: Integers | None = None
    ) -> dict[int, list[SliceDelta]]:
        """Deltas of each partition; the matrix holds the features and, right of them, the model's output signals."""
        ...


class ObservationWriter:
    """Writes about one model for one reference profile."""

    def __init__(
        self, model: Model, *, summariser: Summariser, profile_id: str, events_topic: str, observations_topic: str
    ) -> None:
        self._model, self._summariser, self._profile_id = model, summariser, profile_id
        self._events_topic, self._observations_topic = events_topic, observations_topic
        self._encode = msgspec.json.Encoder().encode

    def observations(self, batch: RecordBatch, outcomes: Outcomes, duplicates: Mapping[int, int]) -> list[OutboxRecord]:
        """One record a partition of the batch, more only where its events lie too far apart in time for one.

        Answered rows that are no duplicates are summarised. Every record of the batch is in the offset range of one
        observation, so a reader can see a gap. Behind that of a partition whose events are all another model's comes a
        mark that this one's has nothing to wait for.
        """
        rows = np.array(outcomes.rows, dtype=np.int64)
        known_times = _known_times(batch, outcomes, rows)
        times = outcomes.times_ms
        matrix = np.hstack((outcomes.matrix, outcomes.predictions.outputs))
        if duplicates:
            fresh = np.ones(len(rows), dtype=np.bool_)
            fresh[np.searchsorted(rows, list(duplicates))] = False
            rows, times, matrix = rows[fresh], times[fresh], matrix[fresh]
        partitions = batch.owners
        offsets = np.array(batch.offsets, dtype=np.int64)
        records = []
        chunks = list(self._summariser.chunks(partitions[rows], times)) or [slice(0, 0)]
        for number, chunk in enumerate(chunks):
            inside = rows[chunk]
            deltas = self._summariser.summarise(partitions[inside], times[chunk], matrix[chunk], offsets[inside])
            begin = 0 if number == 0 else int(inside[0])
            end = len(batch) if number == len(chunks) - 1 else int(rows[chunks[number + 1]][0])
            for partition in np.bincount(partitions[begin:end]).nonzero()[0].tolist():
                own = np.flatnonzero(partitions[begin:end] == partition) + begin
                records.append(
                    self._record(
                        partition,
                        first_offset=int(offsets[own[0]]),
                        last_offset=int(offsets[own[-1]]),
                        max_time=int(known_times[own].max()),
                        slices=deltas.get(partition, []),
                    )
                )
        return records + [self.idle_mark(partition, 0) for partition in _without_own(batch, outcomes)]

    def conduct(self, batch: RecordBatch, challenger: str, conduct: Conduct) -> OutboxRecord:
        """What became of a batch at the challenger. Counted once, by the offsets of the batch's first partition."""
        partition = batch.partitions[0]
        own = [offset for owner, offset in zip(batch.partitions, batch.offsets, strict=True) if owner == partition]
        observation = Observation(
            self._model.name,
            challenger,
            "",
            self._events_topic,
            partition,
            own[0],
            own[-1],
            NO_EVENT_TIME,
            stream=PAIRS,
            conduct=conduct,
        )
        return self._published(observation)

    def idle_mark(self, partition: int, idle_ms: int) -> OutboxRecord:
        """Nothing came to a partition, read to its end, for `idle_ms`."""
        return self._record(
            partition,
            first_offset=NO_OFFSET,
            last_offset=NO_OFFSET,
            max_time=NO_EVENT_TIME,
            slices=[],
            idle_ms=idle_ms,
        )

    def _record(
        self,
        partition: int,
        *,
        first_offset: int,
        last_offset: int,
        max_time: int,
        slices: list[SliceDelta],
        idle_ms: int | None = None,
    ) -> OutboxRecord:
        observation = Observation(
            model=self._model.name,
            version=self._model.version,
            profile=self._profile_id,
            topic=self._events_topic,
            partition=partition,
            first_offset=first_offset,
            last_offset=last_offset,
            max_time=max_time,
            slices=slices,
            idle_ms=idle_ms,
        )
        return self._published(observation)

    def _published(self, observation: Observation) -> OutboxRecord:
        return OutboxRecord(self._observations_topic, self._model.name.encode(), self._encode(observation))


def _without_own(batch: RecordBatch, outcomes: Outcomes) -> list[int]:
    """Partitions of the batch no record of which is this model's to answer."""
    own = [*outcomes.rows, *(rejection.row for rejection in outcomes.rejections), *outcomes.tombstones]
    if len(own) == len(batch):
        return []
    return sorted(set(batch.partitions) - {batch.partitions[row] for row in own})


def _known_times(batch: RecordBatch, outcomes: Outcomes, rows: Integers) -> Integers:
    """Event times by row, as far as they move time forward. A rejected event counts where its time was sound.

    A record's timestamp never stands in: late in a backfill, it would make every event after it late. For the same
    reason an event from the future moves time no further than its record's timestamp.
    """
    times = np.full(len(batch), NO_EVENT_TIME, dtype=np.int64)
    times[rows] = outcomes.times_ms
    for rejection in outcomes.rejections:
        if rejection.time_ms is not None:
            times[rejection.row] = rejection.time_ms
    return np.where(batch.stamps >= 0, np.minimum(times, batch.stamps), times)
