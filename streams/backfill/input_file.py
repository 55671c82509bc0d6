"""The rows' file: its columns checked against what the model takes, ready to be cut into pieces."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from models.columns import kind_of
from models.errors import ModelError
from models.schema import InputSchema
from streams.backfill.parquet_pieces import ParquetPieces
from streams.backfill.pieces import Pieces
from streams.backfill.task import RowFormat
from streams.backfill.text_pieces import CutCsv, CutLines, TextPieces, csv_header
from streams.limits import Limits, UnknownFeatures


@dataclass(frozen=True, slots=True)
class RowsWanted:
    """What a model takes of a file, and the columns with a use of their own."""

    schema: InputSchema
    limits: Limits
    unknown_features: UnknownFeatures
    id_column: str | None
    time_column: str | None
    keep: Sequence[str] = ()

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys([*self.schema.names, *filter(None, (self.id_column, self.time_column)), *self.keep]))


def open_rows(path: Path | None, form: RowFormat, wanted: RowsWanted, opened: ExitStack) -> tuple[Pieces, list[str]]:
    """Pieces of a file, or of stdin, and the header where it is CSV. Raises ModelError."""
    where = "stdin" if path is None else str(path)
    try:
        if form == "parquet":
            assert path is not None
            return _parquet(path, wanted)
        file = sys.stdin.buffer if path is None else opened.enter_context(path.open("rb"))
        size = None if path is None else path.stat().st_size
        if form == "jsonl":
            return TextPieces(file, size, CutLines(), wanted.limits.value_bytes), []
        header, body, pending = csv_header(file, where)
    except (OSError, pa.ArrowException) as error:
        raise ModelError(
            f"the rows cannot be read: {str(error)[:300]}",
            where=where,
            cause="a missing or damaged file, or another format than its name says",
            fix="check the path; the ending says the format: .csv, .jsonl or .parquet",
        ) from error
    _check(header, wanted, where)
    return TextPieces(file, size, CutCsv(), wanted.limits.value_bytes, body, pending), header


def _parquet(path: Path, wanted: RowsWanted) -> tuple[Pieces, list[str]]:
    schema = pa.parquet.read_schema(path)
    # pandas keeps its index as a column
    _check([name for name in schema.names if not name.startswith("__index_level_")], wanted, str(path))
    for name in wanted.schema.names:
        arrow_type = schema.field(name).type
        if not pa.types.is_null(arrow_type):
            kind_of(name, arrow_type, str(path))
    id_ = wanted.id_column
    if id_ is not None and not pa.types.is_integer(schema.field(id_).type):
        text = schema.field(id_).type
        if not (pa.types.is_string(text) or pa.types.is_large_string(text) or pa.types.is_dictionary(text)):
            raise ModelError(
                f"column {id_!r} is of type {text}, which is no id",
                where=str(path),
                cause="ids are texts or whole numbers",
                fix="name another with --id; without it a row's number is its id",
            )
    time = wanted.time_column
    if time is not None and not _is_time(schema.field(time).type):
        raise ModelError(
            f"column {time!r} is of type {schema.field(time).type}, which is no time",
            where=str(path),
            cause="times are timestamps, dates, texts as RFC 3339 has them, or epoch milliseconds",
            fix="name another with --time, or leave it out",
        )
    return ParquetPieces(path, wanted.columns), []


def _is_time(arrow_type: pa.DataType) -> bool:
    kinds = pa.types
    if kinds.is_dictionary(arrow_type):
        return not kinds.is_temporal(arrow_type.value_type) and _is_time(arrow_type.value_type)
    # Whole numbers with a null among them come out of pandas as floats.
    numbers = kinds.is_integer(arrow_type) or kinds.is_floating(arrow_type) or kinds.is_decimal(arrow_type)
    texts = kinds.is_string(arrow_type) or kinds.is_large_string(arrow_type)
    return bool(
        numbers or texts or kinds.is_timestamp(arrow_type) or kinds.is_date(arrow_type) or kinds.is_null(arrow_type)
    )


def _check(columns: Sequence[str], wanted: RowsWanted, where: str) -> None:
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    missing = [name for name in wanted.columns if name not in columns]
    unknown = [name for name in columns if name not in wanted.columns] if wanted.unknown_features == "reject" else []
    if repeated:
        raise ModelError(
            f"columns repeat: {', '.join(repeated)}", where=where, cause="two columns of one name", fix="rename one"
        )
    if missing:
        raise ModelError(
            f"no column {', '.join(map(repr, missing))}",
            where=where,
            cause=f"the file has {', '.join(columns[:30])}",
            fix="name the columns as the model's schema does (`weir model show`)",
        )
    if unknown:
        raise ModelError(
            f"columns that are not in the model's schema: {', '.join(unknown[:30])}",
            where=where,
            cause='model.unknown_features is "reject"',
            fix='leave them out of the file, name them with --id, --time or --keep, or set it to "ignore"',
        )
