"""How far `weir replay` is, with rate and time left. Only on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from streams.records import RecordBatch
from streams.replay.ranges import Extent
from streams.replay.report import Tally

Reached: TypeAlias = Callable[[RecordBatch, Tally], None]


@contextmanager
def watching(extents: Sequence[Extent]) -> Iterator[Reached]:
    """A bar on stderr, by offsets, while events are replayed."""
    console = Console(stderr=True)
    bar = Progress(
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[records]:,} records, {task.fields[rate]:,.0f} records/s, left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    first = {each.partition: each.first for each in extents}
    task = bar.add_task("", total=sum(each.end - each.first for each in extents), records=0, rate=0.0)
    done = dict.fromkeys(first, 0)

    def reached(batch: RecordBatch, tally: Tally) -> None:
        for partition, offset in zip(batch.partitions, batch.offsets, strict=True):
            done[partition] = offset + 1 - first[partition]
        records, elapsed_s = tally.records.total(), bar.tasks[0].elapsed or 0.0
        rate = records / elapsed_s if elapsed_s else 0.0
        bar.update(task, completed=sum(done.values()), records=records, rate=rate)

    with bar:
        yield reached
