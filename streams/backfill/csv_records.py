"""Where the records of a block of CSV begin and end, and how many cells they have (RFC 4180). Pure.

A quote that is never closed would take the rest of the file along: its line is a record of no cells, and the next line
begins anew.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

NOT_CELLS = -1
"""Of a line that is no record."""

_STRAY_RETURN = re.compile(rb"\r(?!\n)")


@dataclass(frozen=True, slots=True)
class Record:
    """Bytes [`start`, `end`) with the line's end, of so many `cells`."""

    start: int
    end: int
    cells: int


def is_plain(block: bytes) -> bool:
    """Whether every line is a record, however many cells it has."""
    return b'"' not in block and not _STRAY_RETURN.search(block)


def plain_count(block: bytes) -> int:
    """The records of a plain block; blank lines are none."""
    blank = len(re.findall(rb"(?m)^\r?\n", block))
    lines = block.count(b"\n") + bool(block and not block.endswith(b"\n"))
    return lines - blank


def records_of(block: bytes, *, is_end: bool) -> list[Record]:
    """The whole records; what is left over at the end of a block that is not the file's last is not among them."""
    ends = _line_ends(block)
    lines = [block[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    found: list[Record] = []
    line = 0
    while line < len(lines):
        taken = line
        # latin-1: quotes, commas and line ends are the same bytes in it, and every byte is a character
        reader = csv.reader(_decoded(lines, line), strict=True)
        try:
            for cells in reader:
                start, line = line, taken + reader.line_num
                if cells:
                    found.append(Record(_start(ends, start), ends[line - 1], len(cells)))
            break
        except csv.Error as error:
            if "unexpected end of data" in str(error) and not is_end:
                return found
            found.append(Record(_start(ends, line), ends[line], NOT_CELLS))
            line += 1
    if found and not is_end and not block.endswith(b"\n") and found[-1].end == len(block):
        found.pop()
    return found


def _decoded(lines: list[bytes], first: int) -> Iterator[str]:
    return (lines[index].decode("latin-1") for index in range(first, len(lines)))


def _line_ends(block: bytes) -> list[int]:
    ends = [match.end() for match in re.finditer(rb"\n", block)]
    return ends if block.endswith(b"\n") or not block else [*ends, len(block)]


def _start(ends: list[int], line: int) -> int:
    return 0 if line == 0 else ends[line - 1]
