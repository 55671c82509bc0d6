"""The partitions that a lane owns: the state of each, how far it stands, and what a snapshot of it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from streams.decider import Decider, PartitionState
from streams.kafka.restore import Owned, Positions, Restored, SnapshotSource, restore
from streams.kafka.snapshots import snapshot_records
from streams.records import Decision, OutboxRecord, RecordBatch

SNAPSHOT_BYTES = 1 << 20
"""Of due snapshots, so much goes into one transaction, and one of them in any case; the others wait for the next. All
at once would be the largest thing that a worker ever holds in memory, and a batch that takes longest."""


@dataclass(slots=True)
class DueSnapshots:
    """Records to publish; `sums` are, by partition, the source offset and the checksums that then stand written."""

    records: list[OutboxRecord] = field(default_factory=list)
    sums: dict[int, tuple[int, dict[str, str]]] = field(default_factory=dict)


class Ownership:
    """For one lane, on its thread. Nothing here talks to a broker but through what `restore` is given."""

    def __init__(
        self, decider: Decider, topic: str, state_topic: str, *, interval_s: float, clock: Callable[[], float]
    ) -> None:
        self._decider, self._topic, self._state_topic = decider, topic, state_topic
        self._interval_s, self._clock = interval_s, clock
        self.partitions: dict[int, Owned] = {}

    def restore(
        self, positions: Positions, snapshots: SnapshotSource, assignment: list[int], timeout_s: float
    ) -> Restored:
        """Own `assignment`. Raises KafkaException where the broker does not answer in time; nothing is changed then."""
        restored = restore(self._decider, positions, snapshots, assignment, self.partitions, timeout_s)
        self.partitions = restored.owned
        return restored

    def starts(self) -> dict[int, int]:
        """Where to read on."""
        return {p: owned.position for p, owned in self.partitions.items()}

    def replaying(self) -> dict[int, int]:
        """Partitions that are not yet where an earlier owner was, with the offset that they will be at then."""
        return {p: owned.replay_until for p, owned in self.partitions.items() if owned.position < owned.replay_until}

    def states(self, batch: RecordBatch) -> dict[int, PartitionState]:
        return {p: self.partitions[p].state for p in set(batch.partitions) | set(batch.idle)}

    def keep(self, batch: RecordBatch, decision: Decision) -> None:
        """The batch is committed, or was before: take its changes in and go on behind it."""
        for partition, change in decision.changes.items():
            self.partitions[partition].state.apply(change)
        for partition, offset in batch.last_offsets.items():
            self.partitions[partition].position = offset + 1

    def reached_end(self, partition: int) -> None:
        """What is left before the committed offset are transaction markers."""
        owned = self.partitions[partition]
        owned.position = max(owned.position, owned.replay_until)

    def next_offsets(self, batch: RecordBatch) -> dict[tuple[str, int], int]:
        """Last offset + 1 of each partition. Without records those that are committed already: they change nothing,
        but the broker refuses them, and all that comes with them, from a worker that has lost its partitions."""
        if not len(batch):
            replaying = self.replaying()
            return {(self._topic, p): owned.position for p, owned in self.partitions.items() if p not in replaying}
        return {(self._topic, p): offset + 1 for p, offset in batch.last_offsets.items()}

    def snapshot_is_due(self) -> bool:
        """Whether a state was left behind by its position for longer than the interval."""
        now = self._clock()
        return any(
            owned.snapshot_offset != owned.position and now >= owned.snapshot_due_at
            for owned in self.partitions.values()
        )

    def due_snapshots(self, state_partitions: int) -> DueSnapshots:
        """Snapshots of what is kept now, so of the state before the batch in hand: its records will be replayed.
        Those that wait longest come first."""
        now = self._clock()
        due, size = DueSnapshots(), 0
        for partition, owned in sorted(self.partitions.items(), key=lambda item: item[1].snapshot_due_at):
            replaying = owned.position < owned.replay_until
            # The first transaction of a partition always holds one: nobody could tell later where its state began.
            is_first = owned.snapshot_offset is None
            waits = not is_first and (now < owned.snapshot_due_at or size >= SNAPSHOT_BYTES)
            if waits or replaying or owned.position == owned.snapshot_offset:
                continue
            records, sums = snapshot_records(
                self._state_topic,
                state_partitions,
                self._decider.role,
                partition,
                owned.position,
                owned.state.dump(),
                owned.written,
            )
            due.records += records
            size += sum(len(record.value or b"") for record in records)
            due.sums[partition] = (owned.position, sums)
        return due

    def written(self, due: DueSnapshots) -> None:
        """These snapshots are committed."""
        for partition, (offset, sums) in due.sums.items():
            owned = self.partitions[partition]
            owned.written, owned.snapshot_offset = sums, offset
            owned.snapshot_due_at = self._clock() + self._interval_s

    def forget_written(self) -> None:
        """The state topic is gone: the next snapshots are whole ones."""
        for owned in self.partitions.values():
            # The names stay: the new topic may have got some of them already, which must go where the state has them
            # no more.
            owned.written = dict.fromkeys(owned.written, "")
            owned.snapshot_offset, owned.snapshot_due_at = None, 0.0
