"""Snapshots of agents' state in the compacted `state` topic: what is written, and how it is read back.

A source partition has one header (key ``role/partition``) with the source offset that the snapshot stands for, and
one record an entry (key ``role/partition/entry``). A lane writes header and changed entries in one transaction, so
whoever reads with read_committed sees all of a snapshot or none. The header has one checksum over all entries, so it
is small however many there are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from streams.decider import Entry
from streams.records import OutboxRecord

FORMAT = 2

LISTING = 1
"""The format before: its header lists the checksum of each entry."""


class Header(msgspec.Struct, frozen=True):
    """`offset`: the first source offset that the state does not hold yet. `entries`: one checksum over the names
    and checksums of all; in a header of the format LISTING each of them."""

    format: int
    role: str
    partition: int
    offset: int
    entries: str | dict[str, str]


_decode_header = msgspec.json.Decoder(Header).decode


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State of one source partition as it was before the record at `offset`."""

    offset: int
    entries: Mapping[str, bytes]


class SnapshotDamaged(Exception):
    """A snapshot does not match its checksums or has an unknown format."""

    def __init__(self, role: str, partition: int, why: str) -> None:
        self.role, self.partition, self.why = role, partition, why
        super().__init__(
            f"snapshot of {role} for partition {partition}: {why}; likely cause: the state topic was changed by "
            f"something else, or by another version of Weir; nothing to do: the state is rebuilt as far as records last"
        )


def checksum(data: Entry) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def checksum_of_all(sums: Mapping[str, str]) -> str:
    """Over the names and checksums of all entries, whatever their order."""
    return checksum(msgspec.json.encode(sums, order="deterministic"))


def snapshot_records(
    topic: str,
    state_partitions: int,
    role: str,
    partition: int,
    offset: int,
    entries: Mapping[str, Entry],
    written: Mapping[str, str],
) -> tuple[list[OutboxRecord], dict[str, str]]:
    """Records that bring the topic from the snapshot with the checksums `written` to `entries`; the new checksums."""
    sums = {name: checksum(data) for name, data in entries.items()}
    target = partition % state_partitions
    prefix = f"{role}/{partition}"
    records = [
        OutboxRecord(topic, f"{prefix}/{name}".encode(), bytes(entries[name]), target)
        for name, digest in sums.items()
        if written.get(name) != digest
    ]
    records += [OutboxRecord(topic, f"{prefix}/{name}".encode(), None, target) for name in written if name not in sums]
    header = Header(format=FORMAT, role=role, partition=partition, offset=offset, entries=checksum_of_all(sums))
    records.append(OutboxRecord(topic, prefix.encode(), msgspec.json.encode(header), target))
    return records, sums


def collect(role: str, partition: int, records: Iterable[tuple[bytes, bytes | None]]) -> Snapshot | None:
    """Rebuild the snapshot from the state topic's records, oldest first; None if there never was one.

    Raises SnapshotDamaged.
    """
    prefix = f"{role}/{partition}"
    header_key, entry_prefix = prefix.encode(), f"{prefix}/".encode()
    header: bytes | None = None
    entries: dict[str, bytes] = {}
    for key, value in records:
        if key == header_key:
            header = value
        elif key.startswith(entry_prefix):
            name = key[len(entry_prefix) :].decode()
            if value is None:
                entries.pop(name, None)
            else:
                entries[name] = value
    if header is None:
        return None
    try:
        decoded = _decode_header(header)
    except msgspec.MsgspecError as error:
        raise SnapshotDamaged(role, partition, f"unreadable header ({error})") from error
    if decoded.format not in (FORMAT, LISTING):
        raise SnapshotDamaged(role, partition, f"format {decoded.format}, this version reads {FORMAT}")
    sums = {name: checksum(data) for name, data in entries.items()}
    if decoded.entries != (sums if decoded.format == LISTING else checksum_of_all(sums)):
        raise SnapshotDamaged(role, partition, "entries do not match their checksums")
    return Snapshot(decoded.offset, entries)
