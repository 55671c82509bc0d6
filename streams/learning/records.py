"""Records of the internal topic `examples`, out of which a learner makes examples: features as they were answered, and
labels as they came. Pure.

All of a model has one key, so one partition and one order. Labels of an event come after its features, since they are
written when the join has read what was committed with them. Columns are bytes of numbers, little-endian: a feature that
is null is NaN, which JSON has no word for, and each keeps its bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.prediction import FloatMatrix
from streams.joining.key_index import Keys
from streams.joining.values import Values

VALUES_PER_RECORD = 49_152
"""Features in a record at most, of whole rows: with their keys it then stays below Kafka's default of 1 MB."""
ROWS_PER_RECORD = 1024
"""A decision is about whole records, and to learn so many rows takes naive Bayes a tenth of a second."""


class Answered(msgspec.Struct, frozen=True, tag="answered", tag_field="kind"):
    """Events that were answered: `keys` are hashes of their ids (u8), `features` n rows, coded (f8) by the schema of
    the model's version `learner`."""

    model: str
    learner: str
    keys: bytes
    features: bytes

    def rows(self, width: int) -> tuple[Keys, FloatMatrix]:
        """n keys and n x `width` features. Raises ValueError where the columns do not fit."""
        keys, features = _column(self.keys, "<u8"), _column(self.features, "<f8")
        if len(features) != len(keys) * width:
            raise ValueError(f"{len(features)} features of {len(keys)} rows, not {width} each")
        return keys, features.reshape(len(keys), width)


class Labelled(msgspec.Struct, frozen=True, tag="labelled", tag_field="kind"):
    """Events whose labels are known: keys (u8), labels as sorts (u1) and numbers (f8), and whether the answer of the
    model's `version` was right (u1)."""

    model: str
    version: str
    keys: bytes
    kinds: bytes
    labels: bytes
    right: bytes

    def rows(self) -> tuple[Keys, Values, NDArray[np.bool_]]:
        """Columns of n. Raises ValueError where they do not fit."""
        keys, labels = _column(self.keys, "<u8"), Values(_column(self.kinds, "u1"), _column(self.labels, "<f8"))
        right = _column(self.right, "u1") != 0
        if not len(keys) == len(labels.kinds) == len(labels.numbers) == len(right):
            raise ValueError("columns of different lengths")
        return keys, labels, right


ExampleRecord: TypeAlias = Answered | Labelled

encode_example = msgspec.json.Encoder().encode
decode_example = msgspec.json.Decoder(ExampleRecord).decode
"""Raises msgspec.MsgspecError."""


def answered_records(model: str, learner: str, keys: Keys, matrix: FloatMatrix) -> Iterator[Answered]:
    """In as few records as hold them."""
    most = max(1, min(ROWS_PER_RECORD, VALUES_PER_RECORD // max(1, matrix.shape[1])))
    for begin in range(0, len(keys), most):
        own = slice(begin, begin + most)
        yield Answered(model, learner, _bytes(keys[own], "<u8"), _bytes(matrix[own], "<f8"))


def labelled_records(
    model: str, version: str, keys: Keys, labels: Values, right: NDArray[np.bool_]
) -> Iterator[Labelled]:
    """In as few records as hold them."""
    for begin in range(0, len(keys), ROWS_PER_RECORD):
        own = slice(begin, begin + ROWS_PER_RECORD)
        yield Labelled(
            model,
            version,
            _bytes(keys[own], "<u8"),
            _bytes(labels.kinds[own], "u1"),
            _bytes(labels.numbers[own], "<f8"),
            _bytes(right[own], "u1"),
        )


def _bytes(column: NDArray[Any], kind: str) -> bytes:
    return np.ascontiguousarray(column, dtype=kind).tobytes()


def _column(data: bytes, kind: str) -> NDArray[Any]:
    return np.frombuffer(data, dtype=kind)
