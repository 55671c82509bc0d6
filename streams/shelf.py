"""Bytes that stay while batches come and go, in pages of their own.

In the heap they would stand between what is short-lived, so that a hole is never as large as the next batch wants it,
and the heap grows though nothing more is in use.
"""

from __future__ import annotations

from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap

BOARD_BYTES = 256 << 10


class Shelf:
    """For what is let go of in about the order in which it came: a board goes back to the system with its last."""

    def __init__(self) -> None:
        self._board: mmap | None = None
        self._taken = 0

    def keep(self, data: bytes) -> memoryview:
        """The same bytes, for as long as anyone holds what this returns."""
        if not data:
            return memoryview(b"")
        if self._board is None or self._taken + len(data) > len(self._board):
            # Private: such mappings are one to the system where they touch, and it counts them.
            self._board = mmap(-1, max(BOARD_BYTES, len(data)), flags=MAP_PRIVATE | MAP_ANONYMOUS)
            self._taken = 0
        begin, self._taken = self._taken, self._taken + len(data)
        self._board[begin : self._taken] = data
        return memoryview(self._board)[begin : self._taken].toreadonly()
