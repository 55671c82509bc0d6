"""What a replay came to, as data: the object that `--json` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from streams.records import BatchReport, Decision, RecordBatch
from streams.replay.comparing import Compared
from streams.replay.ranges import Extent
from streams.replay.watching import WatchedDrift


class ReplayedRange(msgspec.Struct, frozen=True):
    """Offsets `first` to `last`, both included (None: there are none), of a partition. `without_record`: offsets that
    hold none, such as markers of transactions, what was aborted or is not decided yet, or what compaction took. `gone`:
    asked for and not held any more; `not_written`: asked for and not there yet. `from_oldest`: older records were
    removed."""

    partition: int
    first: int
    last: int | None
    records: int
    without_record: int
    gone: int
    not_written: int
    from_oldest: bool


class ReplaySummary(msgspec.Struct, frozen=True, kw_only=True):
    """Of one run."""

    topic: str
    model: str
    version: str
    ranges: list[ReplayedRange]
    records: int
    answered: int
    rejected: dict[str, int]
    tombstones: int
    others: int
    """Records that name another model."""
    served_by: dict[str, int]
    output: str | None
    rejected_rows: str | None
    side_topics: list[str]
    comparison: Compared | None
    drift: WatchedDrift | None
    seconds: float
    records_per_s: float


@dataclass(slots=True)
class Tally:
    """Counts what is decided."""

    records: Counter[int] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    served_by: Counter[str] = field(default_factory=Counter)
    tombstones: int = 0

    def take(self, batch: RecordBatch, decision: Decision) -> None:
        self.records.update(batch.partitions)
        report = decision.report
        if isinstance(report, BatchReport):
            self.rejected.update({str(reason): count for (_, reason), count in report.rejected.items()})
            self.served_by.update({str(rung): count for (_, rung), count in report.served_by.items()})
            self.tombstones += report.tombstones

    @property
    def others(self) -> int:
        own = self.rejected.total() + self.served_by.total() + self.tombstones
        return self.records.total() - own

    def ranges(self, extents: Sequence[Extent]) -> list[ReplayedRange]:
        return [
            ReplayedRange(
                each.partition,
                each.first,
                each.end - 1 if each.end > each.first else None,
                records := self.records[each.partition],
                each.end - each.first - records,
                each.gone,
                each.ahead,
                each.from_oldest,
            )
            for each in extents
        ]
