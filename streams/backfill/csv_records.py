"""Where the records of a block of CSV begin and end, and how many cells they have (RFC 4180). Pure.

A quote that is never closed would take the rest of the file along: its line is a record of no cells, and the next line
begins anew.
"""

from __future__ import annotations

import csv
import re
from bisect import bisect_left
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
    # A quote left open by any line before `lost` is known to come to nothing: the lines up to there were read inside
    # of quotes already. So they are read one by one, or a file of open quotes would be read again for each line.
    lost = 0
    while line < len(lines):
        taken = line
        # latin-1: quotes, commas and line ends are the same bytes in it, and every byte is a character
        reader = csv.reader(_decoded(lines, line, line + 1 if line < lost else len(lines)), strict=True)
        try:
            for cells in reader:
                start, line = line, taken + reader.line_num
                if cells:
                    found.append(Record(_start(ends, start), ends[line - 1], len(cells)))
        except csv.Error as error:
            at_end = "unexpected end of data" in str(error)
            if at_end and not is_end and line >= lost:
                return found
            failed = len(lines) if at_end else taken + reader.line_num - 1
            if "field limit" in str(error):  # it depends on where the cell began, at most so many bytes before
                failed = bisect_left(ends, ends[failed] - len(lines[failed]) - 2 * csv.field_size_limit() - 2)
            if line >= lost:
                lost = failed
            found.append(Record(_start(ends, line), ends[line], NOT_CELLS))
            line += 1
    if found and not is_end and not block.endswith(b"\n") and found[-1].end == len(block):
        found.pop()
    return found


def _decoded(lines: list[bytes], first: int, end: int) -> Iterator[str]:
    return (lines[index].decode("latin-1") for index in range(first, end))


def _line_ends(block: bytes) -> list[int]:
    ends = [match.end() for match in re.finditer(rb"\n", block)]
    return ends if block.endswith(b"\n") or not block else [*ends, len(block)]


def _start(ends: list[int], line: int) -> int:
    return 0 if line == 0 else ends[line - 1]
