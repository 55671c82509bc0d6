"""Pieces of a text: lines of JSON, or records of CSV behind a header."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from models.errors import ModelError
from streams.backfill.csv_records import NOT_CELLS, is_plain, plain_count, records_of
from streams.backfill.pieces import PIECE_BYTES, Piece, Place

_MARK = b"\xef\xbb\xbf"


class Cut(Protocol):
    """Where a block ends that holds whole rows only, and how many. (0, 0): not even the first row ends in it."""

    def __call__(self, block: bytes, *, is_end: bool) -> tuple[int, int]: ...

    def beginning(self, block: bytes, length: int) -> bytes:
        """About `length` bytes of a row that is longer than a block, as one row."""
        ...


class CutLines:
    """Every line is a row."""

    def __call__(self, block: bytes, *, is_end: bool) -> tuple[int, int]:
        end = len(block) if is_end else block.rfind(b"\n") + 1
        return end, block.count(b"\n", 0, end) + (end > 0 and block[end - 1 : end] != b"\n")

    def beginning(self, block: bytes, length: int) -> bytes:
        return block[:length]


class CutCsv:
    """A record may be of several lines. Blank lines are none."""

    def __call__(self, block: bytes, *, is_end: bool) -> tuple[int, int]:
        if is_plain(block):
            end = len(block) if is_end else block.rfind(b"\n") + 1
            return end, plain_count(block[:end])
        found = records_of(block, is_end=is_end)
        if not found and not is_end:
            # A quote that is not closed in a whole block: its line is a row, and the lines behind it begin anew.
            block = block[: block.rfind(b"\n") + 1]
            found = records_of(block, is_end=True)
            whole = [index for index, record in enumerate(found) if record.cells != NOT_CELLS]
            found = found[: whole[-1] + 1] if whole else found
        return len(block) if is_end else found[-1].end if found else 0, len(found)

    def beginning(self, block: bytes, length: int) -> bytes:
        return block[:length].translate(None, b'\r\n"')


@dataclass(slots=True)
class TextPieces:
    """Cuts a file, or stdin (`size` None), which is read on from where it is. Of a row longer than a block
    `longest_row` bytes and one more are kept, so that it is refused as too large. `body`: where the rows begin;
    `pending` was read of them already."""

    file: BinaryIO
    size: int | None
    cut: Cut
    longest_row: int
    body: int = 0
    pending: bytes = b""

    def after(self, place: Place) -> Iterator[Piece]:
        offset, rows = max(place.offset, self.body), place.rows
        if self.size is not None:
            self.file.seek(offset)
            self.pending = b""
        most = max(PIECE_BYTES, self.longest_row + 1)
        block, self.pending = self.pending, b""
        while True:
            block += self.file.read(most - len(block))
            if not block:
                return
            is_end = len(block) < most
            end, count = self.cut(block, is_end=is_end)
            payload, skipped = block[:end], 0
            if not end:
                payload, count = self.cut.beginning(block, self.longest_row + 1), 1
                block, skipped = self._behind_the_line(most)
                end = most
            else:
                block = block[end:]
            begin = Place(offset, rows)
            offset, rows = offset + end + skipped, rows + count
            yield Piece(payload, begin, Place(offset, rows))

    def _behind_the_line(self, most: int) -> tuple[bytes, int]:
        """What was read behind the end of a line, and how many bytes of the line came before it."""
        skipped = 0
        while data := self.file.read(most):
            end = data.find(b"\n") + 1
            if end:
                return data[end:], skipped + end
            skipped += len(data)
        return b"", skipped


def csv_header(file: BinaryIO, where: str) -> tuple[list[str], int, bytes]:
    """The names of the columns, where the rows begin, and what was read of them. Raises ModelError."""
    block = file.read(PIECE_BYTES)
    marked = len(_MARK) if block.startswith(_MARK) else 0
    records = records_of(block[marked:], is_end=len(block) < PIECE_BYTES)
    try:
        end = marked + records[0].end
        names = next(csv.reader([block[marked:end].decode().rstrip("\r\n")], strict=True))
    except (IndexError, StopIteration, UnicodeDecodeError, csv.Error) as error:
        raise ModelError(
            "no line with the names of the columns",
            where=where,
            cause="an empty file, or not CSV in UTF-8",
            fix="give CSV with a header line, commas between the cells",
        ) from error
    return names, end, block[end:]
