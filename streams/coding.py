"""Preprocess: decoded features to the float64 matrix that models take (coded as models.schema says)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from models.prediction import FloatMatrix
from models.schema import UNSEEN, InputSchema, Kind

_PACKED = np.dtype([("type", "u1"), ("number", ">f8")])
"""A float in MessagePack: 0xcb and eight bytes, big-endian."""


class Coding:
    """Codes feature Structs whose fields are in schema order."""

    def __init__(self, schema: InputSchema) -> None:
        self._width = len(schema.features)
        # None stands for null, which a category may be where the schema allows it.
        self._codes: dict[int, dict[str | None, float]] = {
            column: {None: np.nan, **{name: float(code) for code, name in enumerate(feature.categories)}}
            for column, feature in enumerate(schema.features)
            if feature.kind is Kind.CATEGORY
        }
        self._only_floats = all(each.kind is Kind.NUMBER and not each.nullable for each in schema.features)
        self._pack = msgspec.msgpack.Encoder().encode

    def matrix(self, features: Sequence[msgspec.Struct]) -> FloatMatrix:
        """n x features; null becomes NaN, a boolean 0 or 1, a category its index or UNSEEN."""
        rows = list(map(msgspec.structs.astuple, features))
        if self._only_floats:
            return self._floats(rows)
        matrix = np.empty((len(features), self._width), dtype=np.float64)
        for column, values in enumerate(zip(*rows, strict=True)):
            codes = self._codes.get(column)
            matrix[:, column] = values if codes is None else [codes.get(value, UNSEEN) for value in values]
        return matrix

    def _floats(self, rows: Sequence[tuple[float, ...]]) -> FloatMatrix:
        """By way of MessagePack, where equal rows of floats have equal lengths: three times as fast as numpy's own."""
        packed = np.frombuffer(self._pack(rows), dtype=np.uint8)
        size = self._width * _PACKED.itemsize
        row = size + _array_header(self._width)
        numbers = packed[len(packed) - row * len(rows) :].reshape(len(rows), row)[:, row - size :]
        return np.ascontiguousarray(numbers).view(_PACKED)["number"].astype(np.float64)


def _array_header(length: int) -> int:
    """Bytes in front of a MessagePack array."""
    return 1 if length < 1 << 4 else 3 if length < 1 << 16 else 5
