"""How far a command is that reads a topic. Only on a terminal, and only where it takes long."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from streams.kafka.reading import Record, TopicReader

QUIET_S = 1.0
EVERY_RECORDS = 1_000


def told(reader: TopicReader, records: Iterable[Record]) -> Iterator[Record]:
    """The records of a reader, with a bar on stderr over the offsets that it will read, once a second has passed."""
    console = Console(stderr=True)
    at = {partition: start for partition, (start, _) in reader.spans.items()}
    total = sum(end - start for start, end in reader.spans.values())
    first = sum(at.values())
    bar = Progress(
        TextColumn(f"reading {reader.topic}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[records]:,} records, {task.fields[rate]:,.0f}/s, left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    task = bar.add_task("", total=total, records=0, rate=0.0)
    began = time.monotonic()
    try:
        for count, record in enumerate(records, 1):
            at[record.partition] = record.offset + 1
            if count % EVERY_RECORDS == 0 and (elapsed_s := time.monotonic() - began) > QUIET_S:
                bar.start()
                bar.update(task, completed=sum(at.values()) - first, records=count, rate=count / elapsed_s)
            yield record
    finally:
        bar.stop()
