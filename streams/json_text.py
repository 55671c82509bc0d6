"""What can be said of an event's bytes as JSON text, before anything is known of its fields. Pure.

The error path's reader: exact where the decoder is quick. It keeps every pair of an object, since the decoder checks
each of them although the last one wins.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)

BEYOND_FLOAT: Final = 10**400
"""Stands for any integer that is too long to be a float, so that nobody pays for its digits."""


class Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written: every pair, repeated keys included."""

    __slots__ = ()

    def all(self, key: str) -> list[Any]:
        """The values under `key`, the one that wins last."""
        return [value for name, value in self if name == key]

    def repeated(self) -> str | None:
        names: set[str] = set()
        for name, _ in self:
            if name in names:
                return name
            names.add(name)
        return None


class NotFinite(ValueError):
    """`NaN`, `Infinity` or `-Infinity` where a number belongs."""


def openings(value: bytes) -> int:
    """How many `[` and `{` there are, strings included: an upper bound of the depth."""
    characters = np.frombuffer(value, dtype=np.uint8)
    return int(np.count_nonzero(characters == ord("{")) + np.count_nonzero(characters == ord("[")))


def depth(value: bytes) -> int:
    """How deep arrays and objects nest; brackets in strings do not count. Right for valid JSON, total for anything."""
    structure = _brackets(_STRINGS.sub(b"", value))
    steps = (structure == ord("{")).astype(np.int32) - (structure == ord("}"))
    return int(np.cumsum(steps).max(initial=0))


def encoding_problem(value: bytes) -> str | None:
    """Why the bytes are not plain UTF-8, or None."""
    for mark in _MARKS:
        if value.startswith(mark):
            return f"begins with a byte order mark ({mark.hex(' ')}); plain UTF-8 has none"
    if value[1:2] == b"\0":
        return "looks like UTF-16 or UTF-32, expected UTF-8"
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start}: {error.reason}"
    return None


def parse(text: str) -> Any:
    """The JSON value; objects are `Pairs`. Raises NotFinite, ValueError for what is not JSON, RecursionError."""
    return json.loads(
        text, object_pairs_hook=Pairs, parse_int=_integer, parse_float=float, parse_constant=_refuse_constant
    )


def lone_surrogate(root: Any) -> bool:
    """Whether any string below `root` holds half of a surrogate pair (only an escape can put it there)."""
    return any(not _is_encodable(text) for text in _strings(root))


def repeated_key(root: Any) -> str | None:
    """A key that an object below `root` has twice, or None."""
    return next((key for pairs in _objects(root) if (key := pairs.repeated()) is not None), None)


def is_finite(number: float) -> bool:
    """Whether a parsed number is one as float64."""
    try:
        return math.isfinite(float(number))
    except OverflowError:
        return False


def _brackets(value: bytes) -> NDArray[np.uint8]:
    """The bytes, but `[` became `{` and `]` became `}`."""
    return np.frombuffer(value, dtype=np.uint8) | np.uint8(0x20)


def _integer(text: str) -> int:
    return int(text) if len(text) < 400 else BEYOND_FLOAT


def _refuse_constant(name: str) -> NoReturn:
    raise NotFinite(name)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _nodes(root: Any) -> Iterator[Any]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, Pairs):
            waiting.extend(value for _, value in node)
        elif isinstance(node, list):
            waiting.extend(node)


def _objects(root: Any) -> Iterator[Pairs]:
    return (node for node in _nodes(root) if isinstance(node, Pairs))


def _strings(root: Any) -> Iterator[str]:
    for node in _nodes(root):
        if isinstance(node, str):
            yield node
        elif isinstance(node, Pairs):
            yield from (name for name, _ in node)
