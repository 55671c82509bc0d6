"""A batch of Arrow columns, as Parquet gives them, to rows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from streams.backfill.cells import json_texts
from streams.backfill.event_columns import events_of
from streams.backfill.kept import single_values
from streams.backfill.rows import Rows, row_id


@dataclass(frozen=True, slots=True)
class ArrowRows:
    """`features`: columns that the model takes."""

    features: Sequence[str]
    id_column: str | None
    time_column: str | None
    keep: Sequence[str] = ()

    def __call__(self, stream: bytes, first_row: int) -> Rows:
        """Rows of a stream of one record batch; `first_row` rows come before them in the file."""
        batch = pa.ipc.open_stream(stream).read_next_batch()
        id_, time = self.id_column, self.time_column
        rows = events_of(
            {name: json_texts(batch.column(name)) for name in self.features},
            [row_id(first_row + index) for index in range(len(batch))] if id_ is None else _ids(batch.column(id_)),
            None if time is None else _times(batch.column(time)),
        )
        return replace(rows, kept=[single_values(batch.column(name)) for name in self.keep])


def _ids(column: Any) -> list[str | None]:
    return [None if value is None else str(value) for value in column.to_pylist()]


def _times(column: Any) -> list[str]:
    if pa.types.is_temporal(column.type):
        column = pc.cast(pc.cast(column, pa.timestamp("ms", "UTC"), safe=False), pa.int64())
    return json_texts(column)
