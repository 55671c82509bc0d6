"""Lines of JSON to rows: whole events as they are, or flat objects of features. Pure.

A line with a key `features` is an event, and the pipeline gets its bytes untouched, as Kafka would bring them. Any
other object is the features of an event. What is no JSON goes to the pipeline as it is: it says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa

from models.schema import InputSchema
from streams.backfill.rows import Rows, row_id
from streams.json_text import parse, repeated_key

_encode = msgspec.json.Encoder().encode
_decode_id = msgspec.json.Decoder(str | int).decode
_decode_features = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_NOT_READ = (msgspec.MsgspecError, ValueError, RecursionError)
"""What the pipeline will have a reason for."""


class JsonRows:
    """Reads lines for one model. `without_own`: columns of ids and times are taken out of the features, as a model
    that refuses unknown features wants it."""

    def __init__(
        self,
        schema: InputSchema,
        *,
        id_column: str | None,
        time_column: str | None,
        keep: Sequence[str] = (),
        without_own: bool,
        strict_json: bool,
    ) -> None:
        self._id_column, self._time_column = id_column, time_column
        # One that is a feature, too, stays one.
        self._own = frozenset({id_column, time_column, *(name for name in keep if name not in schema.names)} - {None})
        self._drops = without_own and bool(self._own)
        self._strict_json = strict_json
        names = {"whole": "features", "id_": id_column, "time": time_column}
        if "features" in schema.names:
            names["whole"] = None  # a feature of that name: then every line is flat
        fields_of = {name: field for field, name in names.items() if name is not None}
        self._kept = [fields_of.setdefault(name, f"kept{number}") for number, name in enumerate(keep)]
        names |= {field: name for name, field in fields_of.items()}
        fields: list[Any] = [(field, msgspec.Raw, msgspec.Raw()) for field, name in names.items() if name is not None]
        own = {field: name for field, name in names.items() if name is not None}
        self._decode = msgspec.json.Decoder(msgspec.defstruct("Line", fields, rename=own, gc=False)).decode
        self._has_whole = "whole" in own

    def __call__(self, block: bytes, first_row: int) -> Rows:
        """Rows of a block of whole lines; `first_row` rows come before them in the file."""
        lines = block.split(b"\n")
        if not lines[-1]:
            lines.pop()
        values: list[bytes] = []
        ids: list[str | None] = []
        kept: list[list[str | None]] = [[] for _ in self._kept]
        for index, line in enumerate(lines, first_row):
            own = self._read(text := line.removesuffix(b"\r"))
            value, id_ = self._event(own, text, index)
            values.append(value)
            ids.append(id_)
            for cells, field in zip(kept, self._kept, strict=True):
                cells.append(None if own is None else _text_of(getattr(own, field)))
        return Rows(values, ids, kept=[pa.array(cells, pa.string()) for cells in kept])

    def _read(self, line: bytes) -> Any:
        """Fields of a line with a use of their own; None where it is no object."""
        try:
            return self._decode(line)
        except _NOT_READ:
            return None

    def _event(self, own: Any, line: bytes, index: int) -> tuple[bytes, str | None]:
        if own is None:
            return line, None
        if self._has_whole and bytes(own.whole):
            return line, None
        id_: str | None = row_id(index)
        text = b'"%s"' % id_.encode() if id_ else b""
        if self._id_column is not None:
            id_ = _id_of(own.id_)
            text = b"null" if id_ is None else _encode(id_)
        time = b"" if self._time_column is None or not bytes(own.time) else b'"time":%s,' % bytes(own.time)
        return b'{"id":%s,%s"features":%s}' % (text, time, self._features(line)), id_

    def _features(self, line: bytes) -> bytes:
        if not self._drops:
            return line
        try:
            if self._strict_json and repeated_key(parse(line.decode())) is not None:
                return line
            features = _decode_features(line)
        except _NOT_READ:
            return line
        return _encode({k: v for k, v in features.items() if k not in self._own})


def _id_of(raw: msgspec.Raw) -> str | None:
    """A text, or the digits of a whole number."""
    try:
        return str(_decode_id(raw))
    except _NOT_READ:
        return None


def _text_of(raw: msgspec.Raw) -> str | None:
    """The JSON text of a value; None where the line has none, or one that is no UTF-8."""
    try:
        return bytes(raw).decode() or None
    except UnicodeDecodeError:
        return None
