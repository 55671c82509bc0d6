"""A replay into files that appear when they are whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from models.errors import ModelError
from models.manifest import Manifest
from streams.backfill.answers import AnswerFormat, begin
from streams.backfill.durable import give_name
from streams.backfill.parquet_writing import write_parquet
from streams.backfill.targets import require_free
from streams.records import OutboxRecord
from streams.replay.answer_rows import answer_lines, dead_letter_lines, replay_schema


class ReplayFiles:
    """Takes the predictions and dead letters of a replay. A context manager; without `finish` nothing is left. Raises
    ModelError where a file is there already."""

    def __init__(
        self,
        output: Path,
        rejected: Path,
        form: AnswerFormat,
        manifest: Manifest,
        predictions_topic: str,
        dead_letters_topic: str,
        *,
        overwrite: bool,
    ) -> None:
        self._output, self._rejected, self._form, self._overwrite = output, rejected, form, overwrite
        self._predictions, self._dead_letters = predictions_topic, dead_letters_topic
        self._schema = replay_schema(manifest)

    def __enter__(self) -> Self:
        beside = self._output.absolute().parent
        require_free([self._output, self._rejected], beside, overwrite=self._overwrite)
        self._folder = Path(tempfile.mkdtemp(prefix=f".{self._output.name}.", dir=beside))
        self._answers = (self._folder / "answers").open("xb")
        self._letters = (self._folder / "rejected").open("xb")
        self._answers.write(begin(self._schema, self._form))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answers.close()
        self._letters.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def take(self, outbox: Sequence[OutboxRecord]) -> None:
        """Raises OSError, as when the disk is full."""
        answers = [record for record in outbox if record.topic == self._predictions]
        if answers:
            self._answers.write(answer_lines(self._schema, answers, self._form))
        letters = [record for record in outbox if record.topic == self._dead_letters]
        self._letters.write(dead_letter_lines(letters))

    def finish(self) -> None:
        """Give both files their names, the output last."""
        for file in (self._answers, self._letters):
            file.flush()
            os.fsync(file.fileno())
        answers = self._folder / "answers"
        if self._form == "parquet":
            answers = self._folder / "whole"
            write_parquet(self._folder / "answers", answers)
        for source, target in ((self._folder / "rejected", self._rejected), (answers, self._output)):
            try:
                give_name(source, target, replace=self._overwrite)
            except FileExistsError as error:
                raise ModelError(
                    f"{target} is there by now",
                    where=str(target),
                    cause="another run, or someone else, made it meanwhile",
                    fix="name another output, or replace it with --overwrite",
                ) from error
