"""Lines of JSON to rows: whole events as they are, or flat objects of features. Pure.

A line with a key `features` is an event, and the pipeline gets its bytes untouched, as Kafka would bring them. Any
other object is the features of an event. What is no JSON goes to the pipeline as it is: it says why.
"""

from __future__ import annotations

from typing import Any

import msgspec

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
        without_own: bool,
        strict_json: bool,
    ) -> None:
        self._id_column, self._time_column = id_column, time_column
        self._drops = without_own and not {id_column, time_column} <= {None}
        self._strict_json = strict_json
        names = {"whole": "features", "id_": id_column, "time": time_column}
        if "features" in schema.names:
            names["whole"] = None  # a feature of that name: then every line is flat
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
        for index, line in enumerate(lines, first_row):
            value, id_ = self._event(line.removesuffix(b"\r"), index)
            values.append(value)
            ids.append(id_)
        return Rows(values, ids)

    def _event(self, line: bytes, index: int) -> tuple[bytes, str | None]:
        try:
            own: Any = self._decode(line)
        except _NOT_READ:
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
        return _encode({k: v for k, v in features.items() if k not in (self._id_column, self._time_column)})


def _id_of(raw: msgspec.Raw) -> str | None:
    """A text, or the digits of a whole number."""
    try:
        return str(_decode_id(raw))
    except _NOT_READ:
        return None
