"""Which snapshots go into a transaction, and which wait."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest

from streams.kafka.ownership import SNAPSHOT_BYTES, Ownership
from streams.kafka.restore import Owned
from streams.kafka.snapshots import collect
from streams.records import Decision, RecordBatch

INTERVAL_S = 5.0
LARGE, SMALL = SNAPSHOT_BYTES // 2, 100


class Blob:
    """A state of one entry, of another value whenever it is asked for."""

    def __init__(self, size: int) -> None:
        self._size, self._asked = size, 0

    def apply(self, change: Any) -> None:
        raise AssertionError

    def dump(self) -> dict[str, bytes]:
        self._asked += 1
        return {"blob": self._asked.to_bytes(4, "big").ljust(self._size)}


class Role:
    role = "role"

    def load(self, partition: int, entries: Any) -> Any:
        raise AssertionError


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Lane:
    """Ownership of some partitions, and turns in which each of them gets a record."""

    def __init__(self, size: int, partitions: int, *, snapshot_offset: int | None = 0) -> None:
        self.clock = Clock()
        self.ownership = Ownership(Role(), "events", "state", interval_s=INTERVAL_S, clock=self.clock)  # type: ignore[arg-type]
        self.ownership.partitions = {p: Owned(Blob(size), 0, 0, {}, snapshot_offset, 0.0) for p in range(partitions)}
        self.offset = 0

    def turn(self) -> list[int]:
        """Commit a batch; the partitions that a snapshot was written of, in their order."""
        self.clock.now += 1.0
        due = self.ownership.due_snapshots(state_partitions=3)
        self.ownership.written(due)
        partitions = sorted(self.ownership.partitions)
        count = len(partitions)
        batch = RecordBatch("events", partitions, [self.offset] * count, [b""] * count, [], [], [])
        self.ownership.keep(batch, Decision([], {}))
        self.offset += 1
        return list(due.sums)


@pytest.fixture
def large() -> Lane:
    lane = Lane(LARGE, partitions=7)
    lane.turn()  # position and snapshot are the same: there is nothing to write
    return lane


def test_large_snapshots_take_turns_and_none_is_left_out(large: Lane) -> None:
    written = [large.turn() for _ in range(4)]
    assert sorted(chain(*written)) == [0, 1, 2, 3, 4, 5, 6]
    assert max(map(len, written)) == 2  # half a transaction's share each


def test_who_waits_longest_comes_first_so_nobody_waits_for_ever(large: Lane) -> None:
    large.ownership._interval_s = 0.0  # always due, and never room for all
    written = [large.turn() for _ in range(20)]
    assert all(len({*chain(*written[n : n + 5])}) == 7 for n in range(16))


def test_one_that_is_larger_than_its_share_goes_alone() -> None:
    lane = Lane(2 * SNAPSHOT_BYTES, partitions=2)
    lane.turn()
    assert [len(lane.turn()), len(lane.turn())] == [1, 1]


def test_small_ones_go_together() -> None:
    lane = Lane(SMALL, partitions=7)
    lane.turn()
    assert len(lane.turn()) == 7


def test_a_first_snapshot_never_waits() -> None:
    assert len(Lane(LARGE, partitions=7, snapshot_offset=None).turn()) == 7


class Entries:
    """A state of these entries."""

    def __init__(self, entries: dict[str, bytes]) -> None:
        self.entries = entries

    def apply(self, change: Any) -> None:
        raise AssertionError

    def dump(self) -> dict[str, bytes]:
        return self.entries


def test_what_a_new_state_topic_got_before_it_was_noticed_goes_where_the_state_has_it_no_more() -> None:
    ownership = Ownership(Role(), "events", "state", interval_s=INTERVAL_S, clock=Clock())  # type: ignore[arg-type]
    state = Entries({"kept": b"1", "closed": b"2"})
    ownership.partitions = {0: Owned(state, 5, 5, {}, None, 0.0)}
    told: dict[bytes, bytes | None] = {}
    due = ownership.due_snapshots(1)
    told |= {record.key: record.value for record in due.records if record.key}
    ownership.written(due)
    ownership.forget_written()
    state.entries = {"kept": b"1"}
    due = ownership.due_snapshots(1)
    assert b"role/0/kept" in {record.key for record in due.records}
    told |= {record.key: record.value for record in due.records if record.key}
    found = collect("role", 0, [*told.items()])
    assert found is not None
    assert found.entries == {"kept": b"1"}
