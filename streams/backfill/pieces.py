"""What a file is cut into: pieces that are answered by themselves, one after the other or side by side. Pure.

Where a file is cut depends on the file alone. So a run that goes on behind any piece cuts as the first one would have.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

PIECE_BYTES = 4 << 20
PIECE_ROWS = 32_768


class Place(NamedTuple):
    """Between two pieces: how far into the file (bytes of text, rows of Parquet), and how many rows come before."""

    offset: int = 0
    rows: int = 0


class Piece(NamedTuple):
    """Whole rows: lines of text, or a stream of one Arrow batch."""

    payload: bytes
    begin: Place
    end: Place


class Pieces(Protocol):
    """A file to be cut. `size` is in the units of `Place.offset`; None where it is not known."""

    @property
    def size(self) -> int | None: ...

    def after(self, place: Place) -> Iterator[Piece]:
        """The pieces from `place` on, which is 0 or the end of a piece. Raises ModelError."""
        ...
