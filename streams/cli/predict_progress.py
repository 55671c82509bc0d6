"""How far `weir predict` is, with rate and time left. Only on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from streams.backfill.piece import Counts
from streams.backfill.pieces import Place
from streams.backfill.run import Watch


@contextmanager
def watching() -> Iterator[Watch]:
    """A bar on stderr while rows are answered."""
    console = Console(stderr=True)
    bar = Progress(
        BarColumn(),
        TaskProgressColumn(),
        TextColumn(
            "{task.fields[rows]:,} rows, {task.fields[rejected]:,} rejected, {task.fields[rate]:,.0f} rows/s, left"
        ),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    task = bar.add_task("", total=None, start=False, rows=0, rejected=0, rate=0.0)
    first = Place()

    def begins(size: int | None, place: Place) -> None:
        nonlocal first
        first = place
        bar.update(task, total=None if size is None else size - place.offset, rows=place.rows)
        bar.start_task(task)

    def reached(place: Place, counts: Counts) -> None:
        elapsed_s = bar.tasks[0].elapsed or 0.0
        bar.update(
            task,
            completed=place.offset - first.offset,
            rows=place.rows,
            rejected=sum(counts.rejected.values()),
            rate=(place.rows - first.rows) / elapsed_s if elapsed_s else 0.0,
        )

    with bar:
        yield Watch(begins, reached)
