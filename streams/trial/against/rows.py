"""Rows of a file for a report: those that a model takes, or the answers that it gave."""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet

from models.errors import ModelError
from models.loaded import LoadedModel
from models.prepared_training import require_times
from streams.pipeline import Pipeline
from streams.trial.against.answers import read_answers
from streams.trial.against.report import ReportedRows
from streams.trial.answering import answer
from streams.trial.reading import read_rows

FIRST_LINES = 1_000

_decode_line = msgspec.json.Decoder(dict[str, object]).decode


def read_reported(path: Path, model: LoadedModel, pipeline: Pipeline, time: str | None) -> ReportedRows:
    """A file with a column for each feature is answered first; one with the column `prediction` holds answers. Raises
    ModelError."""
    columns = _columns(path)
    if set(model.schema.names) <= columns:
        if model.keyed is not None:
            raise ModelError(
                "a model with keyed features cannot be asked about rows",
                where=f"{model.name} {model.version}",
                cause="its answers need what came before under the same key",
                fix="replay its events with `weir replay OUT`, and give OUT",
            )
        found = read_rows(path, time=time, columns=model.schema.names, step_ms=1)
        times = found.rows.times_ms if found.timed else None
        require_times(model.preparation.computed, times, str(path))
        answered = answer(pipeline, found.rows)
        rows = answered.rows
        return ReportedRows(
            rows.matrix, rows.times_ms if found.timed else None, answers_only=False, rejected=answered.rejected
        )
    if "prediction" not in columns:
        missing = [name for name in model.schema.names if name not in columns]
        raise ModelError(
            f"the file holds neither what {model.name} takes nor what it answers: {', '.join(missing[:5])} missing",
            where=str(path),
            cause="a file of another model, or other column names",
            fix="give the rows that the model takes, or a result of `weir predict` or `weir replay`",
        )
    return read_answers(path, model, time)


def _columns(path: Path) -> set[str]:
    """Names of a file's columns; of JSON lines those of the first lines, as what is null may be left out. Raises
    ModelError."""
    try:
        match path.suffix.lower():
            case ".parquet" | ".pq":
                return set(pyarrow.parquet.read_schema(path).names)
            case ".csv":
                with path.open(newline="", encoding="utf-8-sig") as file:
                    return set(next(csv.reader(file), []))
        with path.open("rb") as lines:
            first = islice((line for line in lines if line.strip()), FIRST_LINES)
            return set[str]().union(*map(_decode_line, first))
    except (OSError, pa.ArrowException, csv.Error, UnicodeError, msgspec.MsgspecError) as error:
        raise ModelError(
            f"the file cannot be read: {str(error)[:300]}",
            where=str(path),
            cause="a missing or damaged file, or another format than its name says",
            fix="check the path; the ending says the format: .csv, .jsonl or .parquet",
        ) from error
