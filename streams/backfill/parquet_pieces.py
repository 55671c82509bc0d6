"""Pieces of a Parquet file: a few thousand rows of a row group, as an Arrow stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from models.errors import ModelError
from streams.backfill.pieces import PIECE_BYTES, PIECE_ROWS, Piece, Place

READ_BYTES = 1 << 20
"""Of a column at a time: a row group may be as large as the file."""


class ParquetPieces:
    """Reads the `columns` only."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path, self._columns = path, list(columns)
        self._file = pyarrow.parquet.ParquetFile(path, buffer_size=READ_BYTES, pre_buffer=False)

    @property
    def size(self) -> int:
        return int(self._file.metadata.num_rows)

    def after(self, place: Place) -> Iterator[Piece]:
        begin, read = place.rows, 0
        for number in range(self._file.metadata.num_row_groups):
            group = self._file.metadata.row_group(number)
            if read + group.num_rows > begin:
                for batch in self._batches(number, group):
                    end = read + len(batch)
                    if end > begin:
                        yield Piece(_stream(batch), Place(read, read), Place(end, end))
                    read = end
            else:
                read += group.num_rows

    def _batches(self, number: int, group: Any) -> Iterator[Any]:
        chunks = (group.column(index) for index in range(group.num_columns))
        size = sum(
            chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema.split(".")[0] in self._columns
        )
        rows = max(1, min(PIECE_ROWS, PIECE_BYTES * group.num_rows // max(1, size)))
        try:
            yield from self._file.iter_batches(rows, row_groups=[number], columns=self._columns, use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise ModelError(
                f"row group {number} cannot be read: {str(error)[:300]}",
                where=str(self._path),
                cause="a damaged file",
                fix="write it again",
            ) from error


def _stream(batch: Any) -> bytes:
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(out.getvalue())
