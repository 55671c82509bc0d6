"""Answers that go to stdout as they come. What was written cannot be taken back, so nothing can be gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from models.errors import ModelError
from streams.backfill.durable import give_name, no_follow, write_whole
from streams.backfill.piece import AnsweredPiece, Counts


class StreamedOutput:
    """Answers to a stream, rejected rows to a file that appears when it is whole. Raises ModelError where that would
    replace another one."""

    def __init__(self, stream: BinaryIO, rejected: Path, head: bytes, *, overwrite: bool) -> None:
        self._stream, self._rejected, self._overwrite = stream, rejected, overwrite
        self._draft = rejected.with_name(f"{rejected.name}.unfinished")
        if overwrite:
            self._draft.unlink(missing_ok=True)
        try:
            self._file = open(self._draft, "xb", opener=no_follow)  # noqa: SIM115  closed by `close`
        except FileExistsError as error:
            raise self._there(self._draft) from error
        self.counts = Counts()
        write_whole(self._stream, head)

    def append(self, piece: AnsweredPiece) -> None:
        write_whole(self._stream, piece.answers)  # PYTHONUNBUFFERED makes stdout take a part only
        self._stream.flush()
        self._file.write(piece.rejected)
        self.counts += piece.counts

    def finish(self) -> None:
        self._stream.flush()
        self._file.close()
        try:
            give_name(self._draft, self._rejected, replace=self._overwrite)
        except FileExistsError as error:
            raise self._there(self._rejected) from error

    def close(self) -> None:
        self._file.close()
        self._draft.unlink(missing_ok=True)

    def _there(self, path: Path) -> ModelError:
        return ModelError(
            f"{path} is there already",
            where=str(path),
            cause="an earlier run, or one at the same time",
            fix="name another file with --rejected, or replace it with --overwrite",
        )
