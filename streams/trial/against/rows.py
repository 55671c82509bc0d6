"""Rows of a file for a report: those that a model takes, or the answers that it gave."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from models.errors import ModelError
from models.loaded import LoadedModel
from models.manifest import Output, Task
from models.prepared_training import require_times
from models.schema import Feature, Kind
from models.training_data import read_training
from streams.pipeline import Pipeline
from streams.trial.against.report import ReportedRows
from streams.trial.answering import answer
from streams.trial.reading import read_rows

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
    return _answers(path, model, columns, time)


def _answers(path: Path, model: LoadedModel, columns: set[str], time: str | None) -> ReportedRows:
    output = model.manifest.output
    names = ["prediction", *(["score"] if output.task is not Task.REGRESSION else [])]
    if time is not None and time not in columns:
        names.append(time)  # to be told that it is missing
    data = read_training(path, features=names, time=time)
    order = np.arange(len(data.matrix)) if data.times_ms is None else np.argsort(data.times_ms, kind="stable")
    answers = data.matrix[order]
    matrix = np.full((len(answers), len(model.schema.features) + len(model.output_signals)), np.nan)
    first = len(model.schema.features)
    if output.task is Task.REGRESSION:
        matrix[:, first] = answers[:, 0]
    else:
        matrix[:, first] = answers[:, 1]
        matrix[:, first + 1] = _classes(data.schema.features[0], answers[:, 0], output, str(path))
    return ReportedRows(matrix, None if data.times_ms is None else data.times_ms[order], answers_only=True)


def _classes(column: Feature, codes: NDArray[np.float64], output: Output, where: str) -> NDArray[np.float64]:
    """Labels of a file as indices into those of the model."""
    if column.kind is Kind.CATEGORY:
        own: dict[object, int] = dict(zip(output.names, range(len(output.names)), strict=True))
        places = {float(code): own.get(name) for code, name in enumerate(column.categories)}
    else:
        places = {float(label): place for place, label in enumerate(output.labels) if not isinstance(label, str)}
    found = sorted({code for code in codes.tolist() if not np.isnan(code) and places.get(code) is None})
    if found:
        named = column.categories[int(found[0])] if column.kind is Kind.CATEGORY else found[0]
        raise ModelError(
            f"the file holds the answer {named!r}, which the model does not give",
            where=where,
            cause="a file of another model or version",
            fix=f"name the version that answered with --model NAME/VERSION; this one gives {', '.join(output.names)}",
        )
    return np.array([np.nan if np.isnan(code) else float(places[code] or 0) for code in codes.tolist()])


def _columns(path: Path) -> set[str]:
    """Names of a file's columns; of JSON lines those of the first line. Raises ModelError."""
    try:
        match path.suffix.lower():
            case ".parquet" | ".pq":
                return set(pyarrow.parquet.read_schema(path).names)
            case ".csv":
                with path.open(newline="", encoding="utf-8-sig") as file:
                    return set(next(csv.reader(file), []))
        with path.open("rb") as lines:
            first = next((line for line in lines if line.strip()), b"{}")
        return set(_decode_line(first))
    except (OSError, pa.ArrowException, csv.Error, UnicodeError, msgspec.MsgspecError) as error:
        raise ModelError(
            f"the file cannot be read: {str(error)[:300]}",
            where=str(path),
            cause="a missing or damaged file, or another format than its name says",
            fix="check the path; the ending says the format: .csv, .jsonl or .parquet",
        ) from error
