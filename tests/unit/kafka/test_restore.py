"""Reading snapshots while another owner still writes, and what passes by itself."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.kafka.restore import READINGS, SnapshotReader, is_transient
from streams.kafka.snapshots import Snapshot, SnapshotDamaged, snapshot_records

Record = tuple[bytes, bytes | None]

FIRST, sums = snapshot_records("state", 1, "drift", 0, 5, {"a": b"1", "b": b"1"}, {})
SECOND, _ = snapshot_records("state", 1, "drift", 0, 9, {"a": b"2", "b": b"2"}, sums)
LOG: list[Record] = [(record.key or b"", record.value) for record in (*FIRST, *SECOND)]


class Growing(SnapshotReader):
    """A topic of which more can be read each time: up to so many records."""

    def __init__(self, *ends: int) -> None:
        super().__init__({}, "state", lambda: 1, 1.0, lambda: 0.0)
        self._known, self.readings = list(ends), 0

    def _ends(self, partitions: list[int]) -> dict[int, int]:
        end = self._known.pop(0) if len(self._known) > 1 else self._known[0]
        return dict.fromkeys(partitions, end)

    def _read(self, ends: Mapping[int, int]) -> dict[int, list[Record]]:
        self.readings += 1
        return {partition: LOG[:end] for partition, end in ends.items()}


def test_a_reading_that_ended_within_a_transaction_is_done_again() -> None:
    reader = Growing(4, 6)
    assert reader.load("drift", [0]) == {0: Snapshot(9, {"a": b"2", "b": b"2"})}
    assert reader.readings == 2


def test_what_stays_damaged_is_told_at_once_where_nobody_writes() -> None:
    reader = Growing(4)
    assert isinstance(reader.load("drift", [0])[0], SnapshotDamaged)
    assert reader.readings == 1


def test_a_topic_that_never_rests_is_not_read_for_ever() -> None:
    reader = Growing(4, 5, 4, 5, 4, 5)
    assert isinstance(reader.load("drift", [0])[0], SnapshotDamaged)
    assert reader.readings == READINGS


@pytest.mark.parametrize(
    "code", [KafkaError._TIMED_OUT, KafkaError._TIMED_OUT_QUEUE, KafkaError._ALL_BROKERS_DOWN, KafkaError._WAIT_COORD]
)
def test_a_broker_that_is_away_is_waited_for(code: int) -> None:
    """In the queue a request times out where no broker is connected to take it."""
    assert is_transient(KafkaException(KafkaError(code)))
    assert not is_transient(KafkaException(KafkaError(KafkaError.INVALID_CONFIG)))
