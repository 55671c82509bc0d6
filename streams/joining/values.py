"""Predictions and labels as two numbers each: what sort of value it is, and which. Pure.

The number of a text is a hash of it. So values can be compared without a table of texts, which whoever publishes labels
could fill; nobody needs the text itself, since the names of a model's classes have hashes, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.joining.records import Scalar

Kinds = NDArray[np.uint8]
Numbers = NDArray[np.float64]


class Kind(IntEnum):
    INTEGER = 0
    FLOAT = 1
    BOOLEAN = 2
    TEXT = 3


class Values(NamedTuple):
    """Columns. Integers beyond 2**53 lose their last digits."""

    kinds: Kinds
    numbers: Numbers


def coded(values: Iterable[Scalar]) -> Values:
    """The kind and the number of each value."""
    hashes: dict[str, float] = {}  # a record has few distinct texts
    kinds, numbers = [], []
    for value in values:
        if isinstance(value, str):
            number = hashes.get(value)
            if number is None:
                number = hashes[value] = text_number(value)
            kinds.append(Kind.TEXT)
            numbers.append(number)
        else:
            kinds.append(_kind_of(value))
            numbers.append(float(value))
    return Values(np.array(kinds, dtype=np.uint8), np.array(numbers, dtype=np.float64))


def text_number(text: str) -> float:
    """48 bits of BLAKE2b, which a float64 holds exactly. Two classes of a model share one with odds of 1 in 10^14."""
    return float(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "little"))


def are_equal(values: Values, others: Values) -> NDArray[np.bool_]:
    """Whether values are the same, row by row; numbers are compared as numbers, whatever they were written as."""
    same_sort = (values.kinds == Kind.TEXT) == (others.kinds == Kind.TEXT)
    found: NDArray[np.bool_] = same_sort & (values.numbers == others.numbers)
    return found


def _kind_of(number: float) -> Kind:
    if isinstance(number, bool):
        return Kind.BOOLEAN
    return Kind.INTEGER if isinstance(number, int) else Kind.FLOAT
