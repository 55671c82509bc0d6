"""A block of CSV records to rows. Pure.

Arrow reads the cells, as it does those of training rows: so the same spellings are null. A line with more cells than
the header has, or fewer, is refused by itself.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from models.errors import ModelError
from models.schema import Kind
from streams.backfill.cells import csv_ids, csv_texts, csv_time_texts
from streams.backfill.csv_records import NOT_CELLS, is_plain, plain_count, records_of
from streams.backfill.event_columns import events_of
from streams.backfill.rows import Rows, row_id
from streams.contracts import Reason


@dataclass(frozen=True, slots=True)
class CsvRows:
    """`header`: all columns of the file; `kinds`: of those that are features."""

    header: Sequence[str]
    kinds: Mapping[str, Kind]
    id_column: str | None
    time_column: str | None
    keep: Sequence[str] = ()

    def __call__(self, block: bytes, first_row: int) -> Rows:
        """Rows of a block of whole records; `first_row` rows come before them in the file."""
        if is_plain(block):
            table = self._read(block)
            if table is not None and len(table) == plain_count(block):
                return self._rows(table, range(first_row, first_row + len(table)))
        records = records_of(block, is_end=True)
        lines = [block[record.start : record.end].rstrip(b"\r\n") for record in records]
        good = [index for index, record in enumerate(records) if record.cells == len(self.header)]
        table = self._read(b"".join(lines[index] + b"\n" for index in good))
        if table is None or len(table) != len(good):
            raise ModelError(
                "records of a CSV file cannot be told apart",
                where=f"rows {first_row + 1} to {first_row + len(records)}",
                cause="quotes in the middle of cells, or another separator than a comma",
                fix="write it again as RFC 4180 says, or as JSON lines",
            )
        rows = self._rows(table, [first_row + index for index in good])
        values, ids = list(lines), [None if self.id_column else row_id(first_row + i) for i in range(len(lines))]
        for index, value, id_ in zip(good, rows.values, rows.ids or (), strict=True):
            values[index], ids[index] = value, id_
        others = {i: record.cells for i, record in enumerate(records) if record.cells != len(self.header)}
        places = dict(zip(good, range(len(good)), strict=True))
        taken = pa.array([places.get(index) for index in range(len(lines))], pa.int64())
        kept = [column.take(taken) for column in rows.kept]
        return Rows(values, ids, {i: (Reason.NOT_OBJECT, self._why(cells)) for i, cells in others.items()}, kept)

    def _why(self, cells: int) -> str:
        if cells == NOT_CELLS:
            return "the line is no CSV record: a quote is not closed or stands inside a cell, or a cell is very long"
        return f"expected a record of {len(self.header)} cells, got {cells}"

    def _read(self, block: bytes) -> Any:
        """A table of the columns that are wanted, or None where a record has another number of cells."""
        wanted = [*self.kinds, *filter(None, (self.id_column, self.time_column)), *self.keep]
        if not block:
            return pa.table({name: pa.chunked_array([pa.array([], pa.binary())]) for name in wanted})
        try:
            return pyarrow.csv.read_csv(
                io.BytesIO(block),
                read_options=pyarrow.csv.ReadOptions(
                    column_names=list(self.header), use_threads=False, block_size=len(block) + 1
                ),
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
                convert_options=pyarrow.csv.ConvertOptions(
                    include_columns=list(dict.fromkeys(wanted)),
                    column_types={name: pa.binary() for name in self.header},
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    check_utf8=False,
                ),
            )
        except pa.ArrowInvalid:
            return None

    def _rows(self, table: Any, numbers: Sequence[int]) -> Rows:
        id_, time = self.id_column, self.time_column
        rows = events_of(
            {name: csv_texts(_column(table, name), kind) for name, kind in self.kinds.items()},
            ids=list(map(row_id, numbers)) if id_ is None else csv_ids(_column(table, id_)),
            times=None if time is None else csv_time_texts(_column(table, time)),
        )
        return replace(rows, kept=[_texts(_column(table, name)) for name in self.keep])


def _column(table: Any, name: str) -> Any:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _texts(column: Any) -> Any:
    """Cells as they are; what is not UTF-8 in them is replaced."""
    try:
        return pc.cast(column, pa.string())
    except pa.ArrowInvalid:
        cells = column.to_pylist()
        return pa.array([None if cell is None else cell.decode("utf-8", "replace") for cell in cells], pa.string())
