"""States that go wrong: what is kept, what a snapshot takes, and what is read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from streams.duplicates import DuplicateWindow
from streams.kafka import ownership as ownership_module
from streams.kafka.lane import Lane
from streams.kafka.ownership import DueSnapshots, Ownership
from streams.kafka.restore import Restored, restore
from streams.kafka.snapshots import checksum, snapshot_records
from streams.records import Decision, OutboxRecord, RecordBatch


def state_not_rolled_back() -> None:
    """The state takes the changes before the commit, and an abort leaves them in."""
    publish = Lane._publish

    def wrong(self: Lane, batch: RecordBatch, decision: Decision, *more: Any, **named: Any) -> bool:
        for partition, change in decision.changes.items():
            self._ownership.partitions[partition].state.apply(change)
        return publish(self, batch, replace(decision, changes={}), *more, **named)

    Lane._publish = wrong  # type: ignore[method-assign]


def replay_left_out() -> None:
    """A snapshot is taken for the state at the committed offset, whatever it stands for."""

    def wrong(*arguments: Any) -> Restored:
        restored = restore(*arguments)
        for owned in restored.owned.values():
            owned.position = owned.replay_until
        return restored

    ownership_module.restore = wrong  # type: ignore[attr-defined,assignment]


def snapshot_ahead_of_its_state() -> None:
    """A snapshot stands for the records of the batch in hand, and its state does not hold them."""
    due_snapshots, publish = Ownership.due_snapshots, Lane._publish
    in_hand: dict[Ownership, Mapping[int, int]] = {}

    def noting(self: Lane, batch: RecordBatch, decision: Decision, *more: Any, **named: Any) -> bool:
        in_hand[self._ownership] = dict(zip(batch.partitions, batch.offsets, strict=True))
        return publish(self, batch, decision, *more, **named)

    def wrong(self: Ownership, state_partitions: int) -> DueSnapshots:
        before = self.starts()
        for partition, offset in in_hand[self].items():
            self.partitions[partition].position = offset + 1
        due = due_snapshots(self, state_partitions)
        for partition, position in before.items():
            self.partitions[partition].position = position
        return due

    Lane._publish, Ownership.due_snapshots = noting, wrong  # type: ignore[method-assign]


def snapshot_keeps_old_entries() -> None:
    """An entry is written once and never again, and the header agrees with what is there."""
    first: dict[tuple[str, int, str], bytes] = {}

    def wrong(*arguments: Any) -> tuple[list[OutboxRecord], dict[str, str]]:
        topic, state_partitions, role, partition, offset, entries, written = arguments
        old = {name: first.setdefault((role, partition, name), data) for name, data in entries.items()}
        return snapshot_records(topic, state_partitions, role, partition, offset, old, written)

    ownership_module.snapshot_records = wrong  # type: ignore[attr-defined,assignment]


def snapshot_without_changed_entries() -> None:
    """Names are compared, not checksums: an entry that changed is not written."""

    def wrong(*arguments: Any) -> tuple[list[OutboxRecord], dict[str, str]]:
        topic, state_partitions, role, partition, offset, entries, written = arguments
        there = {name: checksum(entries[name]) if name in entries else digest for name, digest in written.items()}
        return snapshot_records(topic, state_partitions, role, partition, offset, entries, there)

    ownership_module.snapshot_records = wrong  # type: ignore[attr-defined,assignment]


def window_forgets() -> None:
    """A snapshot of the answered ids leaves out the segment that still grows."""
    dump = DuplicateWindow.dump

    def wrong(self: DuplicateWindow) -> dict[str, bytes]:
        return dict(list(dump(self).items())[:-1])

    DuplicateWindow.dump = wrong  # type: ignore[method-assign]
