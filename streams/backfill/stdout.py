"""Answers that go to stdout as they come. What was written cannot be taken back, so nothing can be gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from streams.backfill.piece import AnsweredPiece, Counts


class StreamedOutput:
    """Answers to a stream, rejected rows to a file that appears when it is whole."""

    def __init__(self, stream: BinaryIO, rejected: Path, head: bytes) -> None:
        self._stream, self._rejected = stream, rejected
        self._draft = rejected.with_name(f"{rejected.name}.unfinished")
        self._file = self._draft.open("wb")
        self.counts = Counts()
        self._stream.write(head)

    def append(self, piece: AnsweredPiece) -> None:
        self._stream.write(piece.answers)
        self._stream.flush()
        self._file.write(piece.rejected)
        self.counts += piece.counts

    def finish(self) -> None:
        self._stream.flush()
        self._file.close()
        self._draft.replace(self._rejected)

    def close(self) -> None:
        self._file.close()
        self._draft.unlink(missing_ok=True)
