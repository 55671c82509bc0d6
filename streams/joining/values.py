"""Predictions and labels as two numbers each: what sort of value it is, and which. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from streams.joining.records import Scalar

MOST_TEXTS = 2048
"""Distinct texts of one partition; a further one is none that anything equals. Classes of a model are far fewer."""
MOST_OF_LABELS = MOST_TEXTS // 2
"""Labels add none beyond this: whoever publishes them must not take the places of what models answer."""

OTHER_TEXT = "(other)"

Floats = NDArray[np.float64]
Kinds = NDArray[np.uint8]


class Kind(IntEnum):
    INTEGER = 0
    FLOAT = 1
    BOOLEAN = 2
    TEXT = 3
    OTHER = 4  # a text beyond MOST_TEXTS


class Texts:
    """Places of texts: those that are known, and those that a batch brings. Integers beyond 2**53 lose their last
    digits."""

    def __init__(self, known: Sequence[str]) -> None:
        self._places = {text: place for place, text in enumerate(known)}
        self.added: list[str] = []

    def code(self, values: Iterable[Scalar], most: int = MOST_TEXTS) -> tuple[Kinds, Floats]:
        """The kind and the number of each value; a text that is new only while fewer than `most` are known."""
        pairs = [self._code(value, most) for value in values]
        return np.array([k for k, _ in pairs], dtype=np.uint8), np.array([n for _, n in pairs], dtype=np.float64)

    def _code(self, value: Scalar, most: int) -> tuple[Kind, float]:
        if isinstance(value, str):
            place = self._places.get(value)
            if place is None:
                if len(self._places) >= most:
                    return Kind.OTHER, 0.0
                place = self._places[value] = len(self._places)
                self.added.append(value)
            return Kind.TEXT, float(place)
        if isinstance(value, bool):
            return Kind.BOOLEAN, float(value)
        return (Kind.INTEGER if isinstance(value, int) else Kind.FLOAT), float(value)


def values_of(texts: Sequence[str], kinds: Kinds, numbers: Floats) -> list[Scalar]:
    """The values that were coded."""
    return [_value(texts, kind, number) for kind, number in zip(kinds.tolist(), numbers.tolist(), strict=True)]


def are_equal(kinds: Kinds, numbers: Floats, other_kinds: Kinds, other_numbers: Floats) -> NDArray[np.bool_]:
    """Whether values are the same, row by row; numbers are compared as numbers, whatever they were written as."""
    texts = kinds >= Kind.TEXT
    same_sort = np.where(texts, (kinds == Kind.TEXT) & (other_kinds == Kind.TEXT), other_kinds < Kind.TEXT)
    found: NDArray[np.bool_] = same_sort & (numbers == other_numbers)
    return found


def _value(texts: Sequence[str], kind: int, number: float) -> Scalar:
    if kind == Kind.TEXT:
        return texts[int(number)]
    if kind == Kind.OTHER:
        return OTHER_TEXT
    if kind == Kind.BOOLEAN:
        return bool(number)
    return int(number) if kind == Kind.INTEGER else number
