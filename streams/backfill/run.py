"""A file answered: from where an earlier run was stopped, to the end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import msgspec
import pyarrow.parquet

from models.artifact import Artifact
from models.errors import ModelError
from streams.backfill.answers import AnswerFormat, answer_schema, begin
from streams.backfill.input_file import RowsWanted, open_rows
from streams.backfill.kept import as_written, kept_schema, require_new_names, with_kept
from streams.backfill.piece import AnsweredPiece, Counts
from streams.backfill.pieces import Piece, Pieces, Place
from streams.backfill.processes import answering
from streams.backfill.stdout import StreamedOutput
from streams.backfill.targets import require_free
from streams.backfill.task import RowFormat, Task
from streams.backfill.unfinished import Progress, UnfinishedOutput

FORMAT = "1"
"""Of what an unfinished run leaves, and of how files are cut."""


class BatchOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`source` and `output` None: stdin and stdout. `restart` forgets what an earlier run did; `overwrite` lets a file
    be replaced that is there."""

    source: Path | None
    rows: RowFormat
    output: Path | None
    answers: AnswerFormat
    rejected: Path
    id_column: str | None = None
    time_column: str | None = None
    keep: tuple[str, ...] = ()
    processes: int = 1
    restart: bool = False
    overwrite: bool = False


class Summary(msgspec.Struct, frozen=True):
    """What `--json` prints. `went_on_at`: how many rows an earlier run had done."""

    input: str
    output: str
    rejected_rows: str
    model: str
    version: str
    rows: int
    answered: int
    rejected: dict[str, int]
    served_by: dict[str, int]
    went_on_at: int
    seconds: float
    rows_per_s: float


class Watch(msgspec.Struct, frozen=True):
    """Who is told how far a run is: first the size in units of `Place.offset` (None: not known), then each place."""

    begins: Callable[[int | None, Place], None]
    reached: Callable[[Place, Counts], None]


def predict_file(options: BatchOptions, artifact: Artifact, task: Task, watch: Watch) -> Summary:
    """Answer every row. `task` lacks the header, which is the file's. Raises ModelError."""
    manifest, began = artifact.manifest, time.monotonic()
    if manifest.keyed is not None:
        raise ModelError(
            "a model with keyed features cannot answer a file",
            where=f"{manifest.name} {manifest.version}",
            cause="its answers need what came before under the same key, and rows of a file have no key here",
            fix="send the rows to a worker as events, or name a version without keyed features with --version",
        )
    with ExitStack() as opened:
        wanted = RowsWanted(
            manifest.schema,
            task.limits,
            task.unknown_features,
            options.id_column,
            options.time_column,
            options.keep,
        )
        require_new_names(options.keep, answer_schema(manifest).names)
        pieces, header = open_rows(options.source, options.rows, wanted, opened)
        file = pyarrow.parquet.read_schema(options.source) if options.rows == "parquet" else None
        kept = kept_schema(options.keep, file, as_json=options.rows == "jsonl", where=_shown(options.source))
        task = msgspec.structs.replace(task, header=tuple(header), kept=bytes(kept.serialize()))
        stamp = _stamp(options.source)
        head = begin(as_written(with_kept(answer_schema(manifest), kept)), options.answers)
        if options.output is None:
            start, counts = Place(), _streamed(options, pieces, task, head, watch)
        else:
            output = UnfinishedOutput(
                options.output,
                options.rejected,
                is_parquet=options.answers == "parquet",
                overwrite=options.overwrite,
            )
            opened.callback(output.close)
            run = _run(options, task, stamp)
            output.lock()
            earlier = _earlier(options, output, run)
            if earlier is None:
                output.begin(run, head)
            else:
                output.go_on(earlier)
            start = Place(output.progress.offset, output.progress.rows)
            if not output.progress.is_whole:
                for piece, answered in _answers(options, pieces, task, start, watch):
                    output.append(answered, piece.end)
                    watch.reached(piece.end, output.progress.counts)
                _require_unchanged(options.source, stamp)
            counts = output.progress.counts
            output.finish()
    seconds = time.monotonic() - began
    return Summary(
        input=_shown(options.source),
        output=_shown(options.output),
        rejected_rows=_shown(options.rejected),
        model=manifest.name,
        version=manifest.version,
        rows=counts.rows,
        answered=counts.answered,
        rejected=counts.rejected,
        served_by=counts.served_by,
        went_on_at=start.rows,
        seconds=round(seconds, 3),
        rows_per_s=round((counts.rows - start.rows) / seconds, 1),
    )


def _answers(
    options: BatchOptions, pieces: Pieces, task: Task, start: Place, watch: Watch
) -> Iterator[tuple[Piece, AnsweredPiece]]:
    with answering(task, options.processes) as answer_all:
        watch.begins(pieces.size, start)
        yield from answer_all(pieces.after(start))


def _streamed(options: BatchOptions, pieces: Pieces, task: Task, head: bytes, watch: Watch) -> Counts:
    require_free([options.rejected], options.rejected.parent, overwrite=options.overwrite)
    output = StreamedOutput(sys.stdout.buffer, options.rejected, head, overwrite=options.overwrite)
    try:
        for piece, answered in _answers(options, pieces, task, Place(), watch):
            output.append(answered)
            watch.reached(piece.end, output.counts)
        output.finish()
    finally:
        output.close()
    return output.counts


def _earlier(options: BatchOptions, output: UnfinishedOutput, run: dict[str, str]) -> Progress | None:
    """What is to be gone on with. Raises ModelError where that cannot be, or where a file would be replaced."""
    assert options.output is not None
    earlier = None if options.restart or options.source is None else output.earlier()
    if earlier is None or not earlier.is_whole:  # of a whole one, a file that is there may be its own
        require_free([options.output, options.rejected], output.folder, overwrite=options.overwrite)
    if earlier is None:
        return None
    others = sorted(key for key in {*earlier.run, *run} if earlier.run.get(key) != run.get(key))
    if others:
        told = "; ".join(f"{key} was {earlier.run.get(key)}, now it is {run.get(key)}" for key in others)
        raise ModelError(
            f"an earlier run was stopped in the middle, and was another: {told}",
            where=str(output.folder),
            cause="the input, the model or an option is not the same",
            fix="run it as it was to go on, or start over with --restart",
        )
    return earlier


def _run(options: BatchOptions, task: Task, stamp: str) -> dict[str, str]:
    """What the bytes of the output depend on."""
    limits = msgspec.json.encode(task.limits).decode()
    return {
        "format": FORMAT,
        "weir": version("weir-streaming"),
        "input": _shown(options.source and options.source.resolve()),
        "input file": stamp,
        "rows": task.rows,
        "answers": task.answers,
        "rejected rows": _shown(options.rejected.resolve()),
        "model": task.model,
        "version": task.version,
        "digest": task.digest,
        "model.isolation": task.isolation,
        "model.unknown_features": task.unknown_features,
        "limits": limits,
        "--id": task.id_column or "",
        "--time": task.time_column or "",
        "--keep": ", ".join(task.keep),
    }


def _shown(path: Path | None) -> str:
    """A name of a file need not be UTF-8."""
    return "-" if path is None else os.fsencode(path).decode("utf-8", "backslashreplace")


def _stamp(path: Path | None) -> str:
    if path is None:
        return ""
    status = path.stat()
    times = f"changed at {status.st_mtime_ns} ns, its status at {status.st_ctime_ns} ns"
    return f"{status.st_size} bytes, {times}, number {status.st_ino}"


def _require_unchanged(path: Path | None, stamp: str) -> None:
    if _stamp(path) != stamp:
        raise ModelError(
            "the input was changed while it was read",
            where=str(path),
            cause="something still writes it",
            fix="start over with --restart once it is whole",
        )
