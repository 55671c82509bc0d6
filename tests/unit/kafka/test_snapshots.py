"""Snapshots in the state topic: small headers, what was written before, and what is found to be torn."""

from __future__ import annotations

import msgspec
import pytest

from streams.kafka.deliveries import MAX_MESSAGE_BYTES
from streams.kafka.snapshots import LISTING, SnapshotDamaged, checksum, collect, snapshot_records

MANY = {f"model-of-a-name-of-some-length/keyed-0123456789abcdef-{n}": b"%d" % n for n in range(40_000)}
FEW = {"a": b"1", "b": b"2"}


def topic(entries: dict[str, bytes], written: dict[str, str] | None = None) -> dict[bytes, bytes | None]:
    records, _ = snapshot_records("state", 1, "role", 0, 9, entries, written or {})
    return {record.key or b"": record.value for record in records}


def test_the_header_stays_small_however_many_entries_there_are() -> None:
    told = topic(MANY)
    header = told[b"role/0"]
    assert header is not None
    assert len(header) < 1000 < MAX_MESSAGE_BYTES
    found = collect("role", 0, told.items())
    assert found is not None
    assert found.entries == MANY


@pytest.mark.parametrize(
    "torn",
    [
        {b"role/0/a": b"2"},
        {b"role/0/a": None},
        {b"role/0/a": b"2", b"role/0/b": b"1"},
        {b"role/0/a": None, b"role/0/c": b"1"},
        {b"role/0/c": b"3"},
    ],
    ids=["changed", "missing", "exchanged", "renamed", "one more"],
)
def test_a_torn_snapshot_is_found_out(torn: dict[bytes, bytes | None]) -> None:
    with pytest.raises(SnapshotDamaged, match="do not match"):
        collect("role", 0, {**topic(FEW), **torn}.items())


def test_a_snapshot_is_whole_in_whatever_order_its_entries_stand_in_the_topic() -> None:
    """What changed lately stands behind what did not."""
    found = collect("role", 0, reversed(topic(FEW).items()))
    assert found is not None
    assert found.entries == FEW


def listing(sums: dict[str, str]) -> bytes:
    return msgspec.json.encode(
        {"format": LISTING, "role": "role", "partition": 0, "offset": 9, "entries": sums},
    )


def test_a_snapshot_whose_header_lists_its_entries_is_read_and_checked() -> None:
    sums = {name: checksum(data) for name, data in FEW.items()}
    found = collect("role", 0, {**topic(FEW), b"role/0": listing(sums)}.items())
    assert found is not None
    assert (found.offset, found.entries) == (9, FEW)
    with pytest.raises(SnapshotDamaged, match="do not match"):
        collect("role", 0, {**topic(FEW), b"role/0": listing({**sums, "b": sums["a"]})}.items())


def test_only_what_changed_is_written_again() -> None:
    _, sums = snapshot_records("state", 1, "role", 0, 9, FEW, {})
    assert topic({"a": b"1", "c": b"3"}, sums).keys() == {b"role/0", b"role/0/b", b"role/0/c"}
