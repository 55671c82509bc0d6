"""Records as the agents see them: columns of one batch, and what a decision publishes. Pure: no client, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from streams.contracts import Reason, ServedBy, Stage
from streams.ladder.degradation import CacheUse

Headers: TypeAlias = list[tuple[str, bytes]]

T = TypeVar("T")

ANY_PARTITION = -1
"""Let the producer choose the partition from the key."""


@dataclass(frozen=True)
class RecordBatch:
    """Consecutive records of one topic, as columns of equal length; offsets rise within each partition.

    `timestamps` are the records' own, in ms since the epoch. With `replay` the records were answered before:
    a decision must rebuild its state from them and publish nothing.
    `idle` (only in a batch without records) maps partitions that were read to their end to the ms since then.
    """

    topic: str
    partitions: list[int]
    offsets: list[int]
    keys: list[bytes | None]
    values: list[bytes | None]
    timestamps: list[int]
    headers: list[Headers | None]
    replay: bool = False
    idle: Mapping[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def has_headers(self) -> bool:
        """Whether any record has some: what headers ask for is looked for only then."""
        return any(self.headers)

    @cached_property
    def owners(self) -> NDArray[np.int64]:
        """`partitions` as an array."""
        return np.array(self.partitions, dtype=np.int64)

    @cached_property
    def stamps(self) -> NDArray[np.int64]:
        """`timestamps` as an array."""
        return np.array(self.timestamps, dtype=np.int64)

    @cached_property
    def last_offsets(self) -> Mapping[int, int]:
        """Of each partition: offsets rise within one, so the last one wins."""
        return dict(zip(self.partitions, self.offsets, strict=True))

    def halves(self) -> tuple[RecordBatch, RecordBatch]:
        """The first and the second half of the records, to close in on those that no decision can be made about."""
        middle = len(self) // 2
        return self._cut(0, middle), self._cut(middle, len(self))

    def without_values(self) -> RecordBatch:
        """The same records with empty values where there are any."""
        return replace(self, values=[None if value is None else b"" for value in self.values])

    def _cut(self, start: int, end: int) -> RecordBatch:
        return RecordBatch(
            self.topic,
            self.partitions[start:end],
            self.offsets[start:end],
            self.keys[start:end],
            self.values[start:end],
            self.timestamps[start:end],
            self.headers[start:end],
            self.replay,
        )


def pick(column: list[T], rows: Sequence[int]) -> list[T]:
    """The column at these rows, which rise; the column itself where they are all of them."""
    return column if len(rows) == len(column) else [column[row] for row in rows]


class OutboxRecord(NamedTuple):
    """One record to publish in the batch's transaction."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int = ANY_PARTITION
    headers: Headers | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a batch leads to: records to publish, and per source partition a change to the agent's state.

    The lane applies `changes` after the commit and drops them on an abort, so deciding has no side effect. `report` is
    the role's own account for metrics and logs (predict: BatchReport); observers read it after the commit. `waited_s`:
    for something that has a budget of its own, so that fewer records would not make it less.
    """

    outbox: list[OutboxRecord]
    changes: Mapping[int, Any]
    report: object | None = None
    waited_s: float = 0.0


@dataclass(frozen=True, slots=True)
class KeyedUse:
    """Keys that each partition keeps after a batch, and how many were let go: `ttl`, `cap`."""

    keys: Mapping[int, int]
    let_go: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ChallengerUse:
    """Of one batch, for metrics: rows that the challenger answered, failed on or was late for, and was not asked about.
    `published`: those of them whose answer is the challenger's."""

    version: str
    answered: int
    failed: int
    unasked: int
    published: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReport:
    """What became of one batch of events, each counted once: predictions + rejected + tombstones = records.

    `served_by` counts answers by version and rung, `reasons` those that are degraded. `classes` counts the labels of a
    classifier. `scores` (empty for a regressor) has one for each prediction that has any, `event_times_ms` one for
    each. `duplicates` are predictions too.
    """

    model: str
    version: str
    records: int
    rejected: Mapping[tuple[Stage, Reason], int]
    served_by: Mapping[tuple[str, ServedBy], int]
    classes: Mapping[str, int]
    scores: NDArray[np.float64]
    event_times_ms: NDArray[np.int64]
    duplicates: int
    tombstones: int
    stage_seconds: Mapping[Stage, float]
    reasons: Mapping[Reason, int] = field(default_factory=dict)
    cache: CacheUse | None = None
    keyed: KeyedUse | None = None
    challenger: ChallengerUse | None = None
