"""Where a lane goes on after an assignment, an abort or an unknown outcome: committed offset, snapshot, replay."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.decider import Decider, PartitionState, StateUnusable
from streams.kafka.client import LOCAL_TIMEOUTS, NO_GROUP
from streams.kafka.errors import kafka_error
from streams.kafka.rights import REFUSED
from streams.kafka.snapshots import Snapshot, SnapshotDamaged, checksum, collect


@dataclass(slots=True)
class Owned:
    """A partition as a lane holds it: its state stands for every record before `position`.

    Records before `replay_until` were answered by an earlier owner. `written` are the checksums of the last snapshot,
    which stands for `snapshot_offset` (None: there is none yet). A first one waits for a first record.
    """

    state: PartitionState
    position: int
    replay_until: int
    written: dict[str, str] = field(default_factory=dict)
    snapshot_offset: int | None = None
    snapshot_due_at: float = math.inf


class Positions(Protocol):
    """What restoring asks of the consumer (streams.kafka.reader.Reader)."""

    def committed(self, partitions: Iterable[int], timeout_s: float) -> dict[int, int | None]: ...

    def bounds(self, partition: int, timeout_s: float) -> tuple[int, int]: ...


class SnapshotSource(Protocol):
    def load(self, role: str, partitions: Iterable[int]) -> dict[int, Snapshot | SnapshotDamaged | None]: ...


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it. `skipped`: records that retention removed before they were consumed, by partition. `made_anew`:
    where this lane or its group stood in a topic that was deleted since; it is read from its beginning."""

    owned: dict[int, Owned]
    skipped: dict[int, int]
    made_anew: dict[int, int]
    damaged: list[SnapshotDamaged]


def restore(
    decider: Decider,
    positions: Positions,
    snapshots: SnapshotSource,
    partitions: list[int],
    kept: Mapping[int, Owned],
    timeout_s: float,
) -> Restored:
    """Own `partitions`: keep a state that stands exactly at the committed offset, load and replay any other.

    Raises KafkaException where the broker does not answer in time; nothing was changed then.
    """
    committed = positions.committed(partitions, timeout_s)
    bounds = {p: positions.bounds(p, timeout_s) for p in partitions}
    result = Restored(owned={}, skipped={}, made_anew={}, damaged=[])
    unknown = []
    start: dict[int, int] = {}
    for p in partitions:
        low, high = bounds[p]
        offset = committed[p]
        if offset is None:
            if p in kept and kept[p].position > low:
                result.made_anew[p] = kept[p].position
            offset = low
        elif offset < low:
            result.skipped[p] = low - offset
            offset = low
        elif offset > high:
            result.made_anew[p] = offset
            offset = low
        start[p] = offset
        mine = kept.get(p)
        if mine is not None and mine.position == offset:
            result.owned[p] = mine
        else:
            unknown.append(p)
    loaded = snapshots.load(decider.role, unknown) if unknown else {}
    for p in unknown:
        low = bounds[p][0]
        snapshot = loaded.get(p)
        if isinstance(snapshot, SnapshotDamaged):
            result.damaged.append(snapshot)
            result.owned[p] = Owned(decider.load(p, {}), low, start[p])
        elif snapshot is None:
            if committed[p] is not None:
                # Every first transaction of a partition holds one. A whole topic is too much to replay unasked.
                result.damaged.append(SnapshotDamaged(decider.role, p, "there is none, though offsets were committed"))
            result.owned[p] = Owned(decider.load(p, {}), start[p], start[p])
        elif snapshot.offset > start[p] or snapshot.offset < low:
            why = f"it stands at {snapshot.offset}, and the topic begins at {low} and is committed to {start[p]}"
            result.damaged.append(SnapshotDamaged(decider.role, p, why))
            written = {name: checksum(data) for name, data in snapshot.entries.items()}
            result.owned[p] = Owned(decider.load(p, {}), low, start[p], written)
        else:
            written = {name: checksum(data) for name, data in snapshot.entries.items()}
            try:
                state = decider.load(p, snapshot.entries)
            except StateUnusable as error:
                result.damaged.append(SnapshotDamaged(decider.role, p, str(error)))
                result.owned[p] = Owned(decider.load(p, {}), low, start[p], written)
                continue
            result.owned[p] = Owned(state, snapshot.offset, start[p], written, snapshot.offset, snapshot_due_at=0.0)
    return result


ENDS_S = 2.0
"""Longest wait for the end of one partition; the lane asks again."""


READINGS = 3
"""Another owner may be writing, while this one does not know yet that it is none: a reading can end in the middle of a
transaction."""


class SnapshotReader:
    """Reads the state topic with read_committed, to where it ended when the reading began."""

    def __init__(
        self,
        client_config: Mapping[str, Any],
        topic: str,
        partition_count: Callable[[], int],
        deadline_s: float,
        clock: Callable[[], float],
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._config = {
            "log_level": 2,
            **client_config,
            "group.id": "weir-snapshots-never-committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
        self._topic, self._partition_count, self._deadline_s, self._clock = topic, partition_count, deadline_s, clock
        self._stop = stop

    def load(self, role: str, partitions: Iterable[int]) -> dict[int, Snapshot | SnapshotDamaged | None]:
        """Snapshots by source partition. Raises KafkaException when the topic cannot be read in time."""
        count = self._partition_count()
        wanted = list(partitions)
        places = sorted({p % count for p in wanted})
        ends = self._ends(places)
        for _ in range(READINGS):
            records = self._read(ends)
            result: dict[int, Snapshot | SnapshotDamaged | None] = {}
            for p in wanted:
                try:
                    result[p] = collect(role, p, records[p % count])
                except SnapshotDamaged as damaged:
                    result[p] = damaged
            damaged_places = {p % count for p, found in result.items() if isinstance(found, SnapshotDamaged)}
            before, ends = ends, self._ends(places) if damaged_places else ends
            if all(ends[place] == before[place] for place in damaged_places):
                break
        return result

    def _read(self, ends: Mapping[int, int]) -> dict[int, list[tuple[bytes, bytes | None]]]:
        deadline, partitions = self._clock() + self._deadline_s, [*ends]
        records: dict[int, list[tuple[bytes, bytes | None]]] = {p: [] for p in partitions}
        waiting = {p for p in partitions if ends[p] > 0}
        consumer = Consumer({**self._config, "isolation.level": "read_committed"})
        try:
            consumer.assign([TopicPartition(self._topic, p, 0) for p in waiting])
            while waiting:
                if self._clock() > deadline or self._stop():
                    raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"reading {self._topic} {sorted(waiting)}"))
                for message in consumer.consume(1000, 0.1):
                    p, offset = cast("tuple[int, int]", (message.partition(), message.offset()))
                    error = message.error()
                    if error is None:
                        records[p].append((message.key() or b"", message.value()))
                        reached = offset + 1
                    elif error.code() == KafkaError._PARTITION_EOF:
                        reached = offset
                    elif error.code() in NO_GROUP:
                        continue
                    else:
                        raise KafkaException(error)
                    if reached >= ends[p]:
                        waiting.discard(p)
        finally:
            consumer.close()
        return records

    def _ends(self, partitions: list[int]) -> dict[int, int]:
        # read_uncommitted, so that a snapshot behind a transaction that is still open is waited for, not missed.
        consumer = Consumer({**self._config, "isolation.level": "read_uncommitted"})
        try:
            return {p: consumer.get_watermark_offsets(TopicPartition(self._topic, p), ENDS_S)[1] for p in partitions}
        finally:
            consumer.close()


def is_transient(error: KafkaException) -> bool:
    """Worth trying again: the broker is away or electing, a transaction is not decided yet, or a right is missing."""
    cause = kafka_error(error)
    return cause is not None and (
        cause.retriable()
        or cause.code()
        in {
            *LOCAL_TIMEOUTS,
            KafkaError._TRANSPORT,
            KafkaError._ALL_BROKERS_DOWN,
            KafkaError._WAIT_COORD,
            KafkaError.UNSTABLE_OFFSET_COMMIT,
            KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
            KafkaError.COORDINATOR_NOT_AVAILABLE,
            KafkaError.NOT_COORDINATOR,
            KafkaError.UNKNOWN_TOPIC_OR_PART,
            KafkaError._UNKNOWN_PARTITION,
            KafkaError.LEADER_NOT_AVAILABLE,
            KafkaError.NOT_LEADER_FOR_PARTITION,
            KafkaError.REQUEST_TIMED_OUT,
            *REFUSED,
        }
    )
