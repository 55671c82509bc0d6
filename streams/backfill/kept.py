"""Columns of a file that are carried over to its answers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from models.errors import ModelError

_decode_text = msgspec.json.Decoder(str).decode

JSON = {b"weir": b"json"}
"""Metadata of a column of JSON texts, as lines of JSON bring them."""


def kept_schema(keep: Sequence[str], file: Any | None, *, as_json: bool, where: str) -> Any:
    """An Arrow schema: the types of the `file`'s own (Parquet), JSON texts (JSON lines), or texts (CSV). Raises
    ModelError."""
    if file is None:
        return pa.schema([pa.field(name, pa.string(), metadata=JSON if as_json else None) for name in keep])
    types = {name: _decoded(file.field(name).type) for name in keep}
    for name, arrow_type in types.items():
        if pa.types.is_nested(arrow_type) or pa.types.is_binary(arrow_type) or pa.types.is_large_binary(arrow_type):
            raise ModelError(
                f"column {name!r} is of type {arrow_type}, which is not carried over",
                where=where,
                cause="--keep is for columns of texts, numbers, times and truth values",
                fix="join it to the answers by --id",
            )
    return pa.schema(list(types.items()))


def single_values(column: Any) -> Any:
    """Cells of a column of Parquet, of the type that `kept_schema` tells."""
    return column.cast(_decoded(column.type))


def _decoded(arrow_type: Any) -> Any:
    """A dictionary is of one piece, and its values are of all."""
    return arrow_type.value_type if pa.types.is_dictionary(arrow_type) else arrow_type


def kept_of(serialised: bytes) -> Any:
    """The schema back; without any column where nothing is kept."""
    return pa.ipc.read_schema(pa.py_buffer(serialised)) if serialised else pa.schema([])


def require_new_names(keep: Sequence[str], answers: Sequence[str]) -> None:
    """Raises ModelError for a column that is kept twice, or whose name an answer has."""
    taken = [name for place, name in enumerate(keep) if name in answers or name in keep[:place]]
    if taken:
        raise ModelError(
            f"column {taken[0]!r} cannot be carried over",
            where="--keep",
            cause="the answers have a column of that name, or it is named twice",
            fix="leave it out, rename it in the file, or name it with --id",
        )


def with_kept(schema: Any, kept: Any) -> Any:
    """The columns of answers, and behind them those that are kept."""
    return pa.schema([*schema, *kept])


def as_written(schema: Any) -> Any:
    """The columns of a file in which no column holds JSON texts any more."""
    return pa.schema([field.remove_metadata() for field in schema])


def json_cells(field: Any, column: Any) -> list[Any]:
    """Cells of any column as JSON takes them; JSON texts as they are, points in time as in RFC 3339."""
    if pa.types.is_timestamp(field.type):
        return list(pc.replace_substring(column.cast(pa.string()), " ", "T", max_replacements=1).to_pylist())
    if pa.types.is_temporal(field.type):
        return list(column.cast(pa.string()).to_pylist())
    if not is_json(field):
        return list(column.to_pylist())
    return [None if text is None else msgspec.Raw(text.encode()) for text in column.to_pylist()]


def plain_values(column: Any) -> Any:
    """JSON texts as cells: a text as it is, a null as none, anything else as its JSON."""
    return pa.array(map(_plain, column.to_pylist()), pa.string())


def is_json(field: Any) -> bool:
    return field.metadata is not None and field.metadata.get(b"weir") == b"json"


def _plain(text: str | None) -> str | None:
    if text is None or text == "null":
        return None
    return _decode_text(text) if text.startswith('"') else text
