"""The output while it is not whole: a folder beside it, with what was written and how far that is.

    OUT.unfinished/answers         as OUT will be, or the Arrow stream of which Parquet is made at the end
    OUT.unfinished/rejected        lines
    OUT.unfinished/progress.json   which run it is, how far it is, and how long both files are by that

`progress.json` is replaced after each piece, when the other two are on the disk. What they hold beyond it is cut off
when a run goes on: so no row is lost, and none is there twice.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import msgspec

from models.errors import ModelError
from streams.backfill.durable import give_name, no_follow, replace_file, sync_folder, write_new, write_whole
from streams.backfill.parquet_writing import write_parquet
from streams.backfill.piece import AnsweredPiece, Counts
from streams.backfill.pieces import Place

ANSWERS, REJECTED, PROGRESS, LOCK, WHOLE = "answers", "rejected", "progress.json", "lock", "answers.parquet"


class Progress(msgspec.Struct, frozen=True):
    """`run`: what a run that goes on must agree on. `is_whole`: all rows are done, only names are to be given."""

    run: dict[str, str]
    offset: int = 0
    rows: int = 0
    answers_bytes: int = 0
    rejected_bytes: int = 0
    counts: Counts = Counts()
    is_whole: bool = False


_decode_progress = msgspec.json.Decoder(Progress).decode


class UnfinishedOutput:
    """Takes pieces in their order. One process at a time may have it."""

    def __init__(self, output: Path, rejected: Path, *, is_parquet: bool, overwrite: bool) -> None:
        self._output, self._rejected = output, rejected
        self._is_parquet, self._overwrite = is_parquet, overwrite
        self.folder = output.with_name(f"{output.name}.unfinished")
        self._opened = ExitStack()
        self._is_locked = False
        self.progress = Progress({})

    def earlier(self) -> Progress | None:
        """How far an earlier run came, if there was one. Raises ModelError where its folder is not what it was."""
        try:
            return _decode_progress((self.folder / PROGRESS).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise self._damaged(str(error)) from error

    def lock(self) -> None:
        """Raises ModelError where another process has it, or where the folder is another user's."""
        self._own_folder()
        path = self.folder / LOCK
        try:
            file = self._opened.enter_context(open(path, "wb", opener=no_follow))  # noqa: SIM115
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._is_locked = os.path.samestat(os.fstat(file.fileno()), path.lstat())
        except (BlockingIOError, FileNotFoundError):
            pass
        if not self._is_locked:  # or the other one has just finished, and taken the folder along
            raise ModelError(
                f"another run writes {self._output}",
                where=str(self.folder),
                cause="the same command was started twice",
                fix="wait for the other one, or name another output",
            )

    def _own_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700)
        except FileExistsError:
            found = self.folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                raise ModelError(
                    f"{self.folder} is no folder of this user",
                    where=str(self.folder),
                    cause="another user made it, or it is a file or a link",
                    fix="remove it, or name an output in a folder of your own",
                ) from None

    def begin(self, run: Mapping[str, str], head: bytes) -> None:
        """Start over, with what stands before the answers."""
        for name in (PROGRESS, WHOLE):
            (self.folder / name).unlink(missing_ok=True)
        write_new(self.folder / REJECTED, b"")
        write_new(self.folder / ANSWERS, head)
        self._keep(Progress(dict(run), answers_bytes=len(head)))
        self._open()

    def go_on(self, earlier: Progress) -> None:
        """Behind what an earlier run did. Raises ModelError where that is not there."""
        self.progress = earlier
        if not earlier.is_whole:
            self._open()

    def append(self, piece: AnsweredPiece, end: Place) -> None:
        """Put a piece behind the others, for good. Returns when it is on the disk."""
        before = self.progress
        for file, data in ((self._answers, piece.answers), (self._refused, piece.rejected)):
            if data:
                write_whole(file, data)
                os.fsync(file.fileno())
        self._keep(
            Progress(
                before.run,
                end.offset,
                end.rows,
                before.answers_bytes + len(piece.answers),
                before.rejected_bytes + len(piece.rejected),
                before.counts + piece.counts,
            )
        )

    def finish(self) -> None:
        """Give both files their names, the output last. Can be done again, wherever it was left. Raises ModelError
        where a file is there by now that is not to be replaced."""
        if not self.progress.is_whole:
            self._require_length(self._answers, self.progress.answers_bytes)
            self._require_length(self._refused, self.progress.rejected_bytes)
            self._keep(msgspec.structs.replace(self.progress, is_whole=True))
        answers = self.folder / ANSWERS
        if self._is_parquet:
            if answers.exists():
                write_parquet(answers, self.folder / WHOLE)
                sync_folder(self.folder)
                answers.unlink()
            answers = self.folder / WHOLE
        for source, target in ((self.folder / REJECTED, self._rejected), (answers, self._output)):
            if source.exists():
                self._name(source, target)
        shutil.rmtree(self.folder)

    def _name(self, source: Path, target: Path) -> None:
        try:
            give_name(source, target, replace=self._overwrite)
        except FileExistsError as error:
            raise ModelError(
                f"{target} is there by now, and all rows are done",
                where=str(self.folder),
                cause="another run, or someone else, made it meanwhile",
                fix="move it away, or replace it with --overwrite: the same command then ends at once",
            ) from error

    def close(self) -> None:
        """Leave it for the next run, if anything was begun."""
        if self._is_locked and self.folder.exists() and not (self.folder / PROGRESS).exists():
            shutil.rmtree(self.folder)
        self._opened.close()

    def _require_length(self, file: BinaryIO, length: int) -> None:
        os.fsync(file.fileno())
        if (held := os.fstat(file.fileno()).st_size) != length:
            raise self._damaged(f"a file holds {held} bytes of {length}")

    def _open(self) -> None:
        self._answers = self._opened_at(ANSWERS, self.progress.answers_bytes)
        self._refused = self._opened_at(REJECTED, self.progress.rejected_bytes)

    def _opened_at(self, name: str, length: int) -> BinaryIO:
        try:
            file = self._opened.enter_context(
                open(self.folder / name, "r+b", buffering=0, opener=no_follow)  # noqa: SIM115
            )
            held = os.fstat(file.fileno()).st_size
        except OSError as error:
            raise self._damaged(str(error)) from error
        if held < length:
            raise self._damaged(f"{name} holds {held} bytes of {length}")
        file.truncate(length)
        file.seek(length)
        return file

    def _keep(self, progress: Progress) -> None:
        replace_file(self.folder / PROGRESS, msgspec.json.encode(progress))
        self.progress = progress

    def _damaged(self, detail: str) -> ModelError:
        return ModelError(
            f"what an earlier run left cannot be gone on with: {detail}",
            where=str(self.folder),
            cause="something else changed the folder, or the disk lost it",
            fix="start over with --restart",
        )
