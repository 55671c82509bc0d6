"""Records of CSV are found wherever a block begins and ends, and one bad line costs no other."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.backfill import csv_records
from streams.backfill.csv_records import NOT_CELLS, records_of
from streams.backfill.text_pieces import CutCsv, CutLines, TextPieces

CELLS = st.text(st.sampled_from('ab,"\n\r é'), max_size=6)
TABLES = st.lists(st.lists(CELLS, min_size=2, max_size=3), max_size=30)


def written(table: list[list[str]]) -> bytes:
    out = io.StringIO()
    # Python 3.11 leaves a carriage return unquoted, which no reader takes.
    quoting = csv.QUOTE_ALL if any("\r" in cell for row in table for cell in row) else csv.QUOTE_MINIMAL
    csv.writer(out, lineterminator="\n", quoting=quoting).writerows(table)
    return out.getvalue().encode()


@given(TABLES)
def test_each_record_of_what_a_writer_wrote_is_found(table: list[list[str]]) -> None:
    block = written(table)
    found = records_of(block, is_end=True)
    assert [record.cells for record in found] == [len(row) for row in table]
    assert b"".join(block[record.start : record.end] for record in found) == block


@given(TABLES, st.integers(60, 400), st.integers(0, 10))
def test_pieces_are_the_file_and_going_on_behind_any_gives_the_same(
    table: list[list[str]], piece_bytes: int, which: int
) -> None:
    block = written(table)
    with_size = TextPieces(io.BytesIO(block), len(block), CutCsv(), piece_bytes)
    pieces = list(in_pieces_of(piece_bytes, with_size))
    assert b"".join(piece.payload for piece in pieces) == block
    assert sum(piece.end.rows - piece.begin.rows for piece in pieces) == len(table)
    for piece in pieces:
        counted = records_of(piece.payload, is_end=True)
        assert len(counted) == piece.end.rows - piece.begin.rows
    at = min(which, len(pieces))
    if pieces and at:
        again = TextPieces(io.BytesIO(block), len(block), CutCsv(), piece_bytes)
        assert list(in_pieces_of(piece_bytes, again, pieces[at - 1].end)) == pieces[at:]


def in_pieces_of(size: int, pieces: TextPieces, place: object = None) -> object:
    from streams.backfill.pieces import Place

    with patch("streams.backfill.text_pieces.PIECE_BYTES", size):
        yield from pieces.after(place or Place())


def test_a_quote_that_is_never_closed_costs_its_line_alone() -> None:
    block = b'a,b\n"open,2\n' + b"1,2\n" * 3
    cells = [record.cells for record in records_of(block, is_end=True)]
    assert cells == [2, NOT_CELLS, 2, 2, 2]
    far = b'"open,2\n' + b"1,2\n" * 60_000
    assert [record.cells for record in records_of(far, is_end=True)][:3] == [NOT_CELLS, 2, 2]


def test_a_pipe_is_cut_as_a_file() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: object) -> int:
            raise io.UnsupportedOperation

    block = written([[str(n), "x\ny"] for n in range(200)])
    from_file = in_pieces_of(100, TextPieces(io.BytesIO(block), len(block), CutCsv(), 60))
    assert list(in_pieces_of(100, TextPieces(Pipe(block), None, CutCsv(), 60))) == list(from_file)


def test_stdin_is_read_from_where_it_is() -> None:
    """`(head -1 >&2; weir predict - …) < FILE` must not answer the line that was consumed."""
    stdin = io.BytesIO(b"consumed\none\ntwo\n")
    stdin.readline()
    (piece,) = in_pieces_of(100, TextPieces(stdin, None, CutLines(), 60))
    assert piece.payload == b"one\ntwo\n"


def one_attempt_a_line(block: bytes) -> list[int]:
    """What `records_of` is to find, in the time of the square of the lines."""
    lines, found, line = block.decode("latin-1").splitlines(keepends=True), [], 0
    while line < len(lines):
        reader = csv.reader(iter(lines[line:]), strict=True)
        try:
            cells = next(reader)
        except csv.Error:
            found.append(NOT_CELLS)
            line += 1
        else:
            found.extend([len(cells)] if cells else [])
            line += reader.line_num
    return found


@given(st.lists(st.text(st.sampled_from('a",'), max_size=5), max_size=30), st.sampled_from([4, 8, 131_072]))
def test_lines_with_any_quotes_are_told_apart(lines: list[str], longest_cell: int) -> None:
    block = "".join(f"{line}\n" for line in lines).encode()
    before = csv.field_size_limit(longest_cell)
    try:
        assert [record.cells for record in records_of(block, is_end=True)] == one_attempt_a_line(block)
    finally:
        csv.field_size_limit(before)


@pytest.mark.parametrize("end", [b"", b'x"y\n'], ids=["open", "wrong"])
def test_many_open_quotes_take_no_time_of_the_square(end: bytes) -> None:
    """Counted, not timed: how often a line is read."""
    read = 0
    decoded = csv_records._decoded

    def counting(*arguments: Any) -> Iterator[str]:
        nonlocal read
        for line in decoded(*arguments):
            read += 1
            yield line

    count = 4000
    with patch.object(csv_records, "_decoded", counting):
        found = records_of(b'a","""' + b"\n" + b'a","""\n' * count + end, is_end=True)
    assert len(found) >= count
    assert read < 4 * count


@pytest.mark.parametrize("first", [b'"open,2\n', b'a","""\n', b'\n"open,2\n'])
def test_an_open_quote_costs_its_line_alone_in_the_middle_of_a_file_too(first: bytes) -> None:
    block = b"1,2\n" * 60 + first + b"3,4\n" * 200
    pieces = list(in_pieces_of(100, TextPieces(io.BytesIO(block), len(block), CutCsv(), 60)))
    assert b"".join(piece.payload for piece in pieces) == block
    cells = [record.cells for piece in pieces for record in records_of(piece.payload, is_end=True)]
    assert cells == [*[2] * 60, NOT_CELLS, *[2] * 200]
    assert pieces[-1].end.rows == 261
