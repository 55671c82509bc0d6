"""Cells of a column as JSON texts, so that the pipeline judges a row of a file by the rules for events. Pure.

What cannot be the column's type is written as what it is, a string or `NaN`: the pipeline then has a reason for it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.schema import Kind

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity|nan)", re.ASCII | re.IGNORECASE)
_TRUTH = {"true": "true", "1": "true", "false": "false", "0": "false"}
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})", re.ASCII)

_encode = msgspec.json.Encoder().encode


def json_texts(column: Any) -> list[str]:
    """Of an Arrow array of numbers, booleans, strings or nulls: one JSON text a cell."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_null(column.type):
        return ["null"] * len(column)
    if pa.types.is_decimal(column.type) or pa.types.is_floating(column.type):
        return _numbers(pc.cast(column, pa.float64(), safe=False))
    if pa.types.is_boolean(column.type) or pa.types.is_integer(column.type):
        return _scalars(column.to_pylist())
    return _strings(column.to_pylist())


def csv_texts(column: Any, kind: Kind) -> list[str]:
    """Of an Arrow array of bytes, the cells of a CSV column; null where a spelling of null stands unquoted."""
    try:
        texts = pc.cast(column, pa.string())
    except pa.ArrowInvalid:  # a cell is not UTF-8: its bytes stay as they are, and the pipeline finds them
        return [_csv_cell(_text(cell), kind) for cell in column.to_pylist()]
    if kind is Kind.NUMBER:
        try:
            return _numbers(pc.cast(pc.utf8_trim_whitespace(texts), pa.float64()))
        except pa.ArrowInvalid:
            pass
    elif kind is Kind.CATEGORY:
        return _strings(texts.to_pylist())
    return [_csv_cell(cell, kind) for cell in texts.to_pylist()]


def csv_time_texts(column: Any) -> list[str]:
    """Of the cells of a column of times: whole numbers are epoch milliseconds, anything else is a text."""
    cells = (_text(cell) for cell in column.to_pylist())
    return ["null" if cell is None else cell if _WHOLE.fullmatch(cell) else _string(cell) for cell in cells]


def csv_ids(column: Any) -> list[str | None]:
    """The cells of a column of ids."""
    return [_text(cell) for cell in column.to_pylist()]


def id_texts(ids: Sequence[str | None]) -> list[str]:
    """Ids as JSON."""
    return ["null" if each is None else _string(each) for each in ids]


def to_bytes(text: str) -> bytes:
    """A JSON text in UTF-8, but for bytes of the file that are not: they come out as they were."""
    return text.encode("utf-8", "surrogateescape")


def _text(cell: bytes | None) -> str | None:
    return None if cell is None else cell.decode("utf-8", "surrogateescape")


def _csv_cell(cell: str | None, kind: Kind) -> str:
    if cell is None:
        return "null"
    if kind is Kind.NUMBER and _NUMBER.fullmatch(trimmed := cell.strip()):
        return _number(float(trimmed))
    if kind is Kind.BOOLEAN:
        return _TRUTH.get(cell.strip().lower()) or _string(cell)
    return _string(cell)


def _numbers(column: Any) -> list[str]:
    numbers = column.to_numpy(zero_copy_only=False)
    texts = _scalars(column.to_pylist())
    # msgspec writes null for them; null is another thing than a number that is none.
    for index in np.flatnonzero(~np.isfinite(numbers)).tolist():
        if column[index].is_valid:
            texts[index] = _number(float(numbers[index]))
    return texts


def _number(number: float) -> str:
    if math.isfinite(number):
        return _encode(number).decode()
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _scalars(values: list[Any]) -> list[str]:
    return _encode(values)[1:-1].decode().split(",") if values else []


def _strings(values: list[str | None]) -> list[str]:
    known = {value: "null" if value is None else _string(value) for value in set(values)}
    return [known[value] for value in values]


def _string(text: str) -> str:
    try:
        return _encode(text).decode()
    except UnicodeEncodeError:
        # Half a surrogate pair stands for a byte of the file that is no UTF-8: `to_bytes` writes it as it was.
        return json.dumps(text, ensure_ascii=False)
