"""Which of a model's classes a label of the join is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.manifest import label_name
from streams.joining.records import kept_values
from streams.joining.values import Kind, Values, coded


class ClassPlaces:
    """Names of classes are texts, labels may be numbers, and of a text only the hash is left."""

    def __init__(self, names: Sequence[str]) -> None:
        self._of_name = {name: place for place, name in enumerate(names)}
        hashes = coded(kept_values(names)).numbers.tolist()
        self._of_hash = {number: place for place, number in enumerate(hashes)}

    def of(self, labels: Values) -> NDArray[np.int64]:
        """The place of each label among the names, -1 of another one."""
        pairs = zip(labels.kinds.tolist(), labels.numbers.tolist(), strict=True)
        return np.array([self._place(kind, number) for kind, number in pairs], dtype=np.int64)

    def _place(self, kind: int, number: float) -> int:
        if kind == Kind.TEXT:
            return self._of_hash.get(number, -1)
        return self._of_name.get(_written(kind, number), -1)


def _written(kind: int, number: float) -> str:
    """As the names of classes are; a whole number is one however it was written."""
    if kind == Kind.BOOLEAN:
        return label_name(bool(number))
    return label_name(int(number) if number.is_integer() else number)
