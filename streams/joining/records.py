"""Records of the internal topic `joins`, where answers and labels of the same event meet. Pure.

Both sides write to the partition that `partition_of` says, whatever the event's own key was; a record holds columns,
since a record an event would cost more than the prediction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias
from zlib import crc32

import msgspec
import numpy as np

from streams.duplicates import LONGEST_ID, short_ids

Scalar: TypeAlias = str | int | float | bool

ENTRIES_PER_RECORD = 1024
"""At most; with shortened ids a record then stays below Kafka's default of 1 MB."""


class Beside(msgspec.Struct, frozen=True):
    """What the challenger of a version predicts of the same events."""

    version: str
    predictions: list[Scalar]


class Answers(msgspec.Struct, frozen=True, omit_defaults=True, tag="answers", tag_field="kind"):
    """Answers of one model version: event times in ms, predictions, and how sure the model was of each (or none)."""

    model: str
    version: str
    ids: list[str]
    times: list[int]
    predictions: list[Scalar]
    confidences: list[float] | None = None
    beside: Beside | None = None


class Labels(msgspec.Struct, frozen=True, tag="labels", tag_field="kind"):
    """What the events turned out to be; `times` since when that is known, in ms, or None for the record's time."""

    ids: list[str]
    labels: list[Scalar]
    times: list[int | None] | None = None


JoinRecord: TypeAlias = Answers | Labels

encode_join = msgspec.json.Encoder().encode
decode_join = msgspec.json.Decoder(JoinRecord).decode
"""Raises msgspec.MsgspecError."""


def kept_values(values: Sequence[Scalar]) -> list[Scalar]:
    """Predictions or labels as they are kept: of a text that is longer than an id may be its digest, so that records
    stay small."""
    if max((len(value) for value in values if isinstance(value, str)), default=0) <= LONGEST_ID:
        return list(values)
    return [short_ids([value])[0] if isinstance(value, str) else value for value in values]


def partition_of(short_id: str, partitions: int) -> int:
    """CRC-32 of the id's UTF-8, modulo the partitions: the same in every release, since both sides must agree."""
    return crc32(short_id.encode()) % partitions


def by_partition(event_ids: Sequence[str], partitions: int) -> Iterator[tuple[int, list[int], list[str]]]:
    """Cut a batch into records: the partition, which rows it gets (rising), and their ids as they are kept."""
    ids = short_ids(event_ids)
    owners = np.fromiter(map(crc32, map(str.encode, ids)), dtype=np.uint32, count=len(ids)) % partitions
    order = np.argsort(owners, kind="stable")
    counts = np.bincount(owners, minlength=partitions)
    start = 0
    for partition in counts.nonzero()[0].tolist():
        end = start + int(counts[partition])
        for begin in range(start, end, ENTRIES_PER_RECORD):
            rows = order[begin : min(begin + ENTRIES_PER_RECORD, end)].tolist()
            yield partition, rows, [ids[row] for row in rows]
        start = end
