"""The wire format of protocol buffers: fields of a message as they lie in memory. Nothing is built or copied."""

from __future__ import annotations

import re
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Field = tuple[int, int, int, int]
"""Number, wire type, and where its value begins and ends."""

# Millions of nodes of a tree lie in repeated values that are not packed: whole runs of them are passed over at once.
_SHORT_TEXTS = b"|".join(re.escape(bytes([size])) + b".{%d}" % size for size in range(32))
_RUNS = {
    tag: re.compile(pattern, re.DOTALL)
    for tag, pattern in {
        0x3D: rb"(?:\x3d.{4})++",
        0x40: rb"(?:\x40[\x80-\xff]{0,9}[\x00-\x7f])++",
        0x4A: rb"(?:\x4a(?:" + _SHORT_TEXTS + rb"))++",
    }.items()
}


class Malformed(ValueError):
    """The bytes are no message."""


def fields(data: bytes, start: int, end: int, *, pass_over: frozenset[int] = frozenset()) -> Iterator[Field]:
    """The fields of the message in `data[start:end]`, in their order, again where they are repeated.

    Runs of fields that begin with a byte of `pass_over` (a tag of `_RUNS`) are left out. Raises Malformed.
    """
    while start < end:
        if data[start] in pass_over:
            run = _RUNS[data[start]].match(data, start, end)
            if run is not None:
                start = run.end()
                continue
        tag, start = varint(data, start, end)
        number, wire = tag >> 3, tag & 7
        at = start
        if wire == VARINT:
            _, start = varint(data, start, end)
        elif wire in (FIXED64, FIXED32):
            start += 8 if wire == FIXED64 else 4
        elif wire == BYTES:
            size, at = varint(data, start, end)
            start = at + size
        else:
            raise Malformed(f"wire type {wire}")
        if number == 0 or start > end:
            raise Malformed("a field is cut off")
        yield number, wire, at, start


def varint(data: bytes, start: int, end: int) -> tuple[int, int]:
    """The number at `start`, and where it ends. Raises Malformed."""
    value = shift = 0
    while True:
        if start >= end or shift > 63:
            raise Malformed("a number is cut off")
        byte = data[start]
        start += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, start
        shift += 7
