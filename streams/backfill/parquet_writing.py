"""A stream of Arrow batches to a Parquet file, in memory that does not grow with it."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from streams.backfill.durable import no_follow

GROUP_ROWS = 131_072


def write_parquet(stream: Path, target: Path) -> None:
    """Returns when `target` is on the disk."""
    with stream.open("rb") as source, open(target, "wb", opener=no_follow) as out:
        reader = pa.ipc.open_stream(source)
        with pyarrow.parquet.ParquetWriter(out, reader.schema, compression="zstd") as writer:
            group: list[pa.RecordBatch] = []
            rows = 0
            for batch in reader:
                group.append(batch)
                rows += len(batch)
                if rows >= GROUP_ROWS:
                    writer.write_table(pa.Table.from_batches(group), row_group_size=rows)
                    group, rows = [], 0
            if group:
                writer.write_table(pa.Table.from_batches(group), row_group_size=rows)
        out.flush()
        os.fsync(out.fileno())
