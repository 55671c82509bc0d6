"""Rows as an estimator takes them, written to a file: what it is fitted on is what serving computes."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from models.coding import UNSEEN_TEXT
from models.errors import ModelError
from models.held_out import RowsOfFile, read_rows_of
from models.keyed.training import TimedRows
from models.prepared_training import PreparedTraining, prepare_training
from models.preprocessing.preparation import Prepared
from models.preprocessing_file import DeclaredPreprocessing
from models.schema import UNSEEN, Feature, Kind
from models.training_data import read_training

_ROWS_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """What was written. Of the file's rows the schema would have refused `refused`, and preprocessing had no answer for
    `failed`; both are left out."""

    training: PreparedTraining
    rows: int
    refused: int = 0
    failed: int = 0


def prepare_file(
    training_file: Path,
    out: Path,
    declared: DeclaredPreprocessing,
    *,
    target: str | None = None,
    time: str | None = None,
    key: str | None = None,
    rows_file: Path | None = None,
) -> PreparedFile:
    """Fit the preprocessing on training rows, and write these, or the rows of another file, as it prepares them, with
    target and time beside. Raises ModelError."""
    _check_out(out, training_file, rows_file)
    features = declared.features_beside(target, time)
    read = read_training(training_file, target=target, time=time, key=key, features=features)
    training = prepare_training(
        declared.preprocessing, read.schema, read.matrix, read.times_ms, keys=read.keys, where=declared.where
    )
    preparation = training.preparation
    rows = RowsOfFile(read.matrix, read.target, read.times_ms, read.keys, 0)
    prepared = Prepared(training.matrix, {})
    if rows_file is not None:
        # Rows to be answered may have no target yet, and need times and keys only where these are read.
        optional = [target, None if preparation.computed else time, None if None in preparation.keyed.by else key]
        rows = read_rows_of(rows_file, training.schema, target=target, time=time, key=key, optional=optional)
        prepared = training.prepare(TimedRows(rows.matrix, rows.times_ms, rows.keys), str(rows_file))
    kept = prepared.kept
    outputs = preparation.outputs.features
    columns = {each.name: _values(each, prepared.matrix[kept, at]) for at, each in enumerate(outputs)}
    beside: dict[str, Any] = {}
    if target is not None and rows.target is not None:
        beside[target] = pa.array([rows.target[row] for row in kept])
    if time is not None and rows.times_ms is not None:
        beside[time] = pa.array(rows.times_ms[kept])
    _check_names(columns, beside, str(out))
    _write(out, pa.table({**columns, **beside}))
    return PreparedFile(training, len(kept), rows.refused, len(prepared.failures))


def _values(feature: Feature, codes: NDArray[np.float64]) -> Any:
    """The values that a column's codes stand for, as an Arrow array."""
    null = np.isnan(codes)
    if feature.kind is Kind.NUMBER:
        return pa.array(codes, mask=null)
    if feature.kind is Kind.BOOLEAN:
        return pa.array(codes > 0, mask=null)
    words = pa.array([*feature.categories, UNSEEN_TEXT], pa.string())
    at = np.where(null | (codes == UNSEEN), len(feature.categories), codes).astype(np.int64)
    return words.take(pa.array(at, mask=null))


def _write(out: Path, table: Any) -> None:
    """As a whole or not at all: what was there before stays until the last row is written."""
    place = out.resolve()
    draft = place.with_name(f".{place.name}.{os.getpid()}.draft")
    try:
        if out.suffix.lower() == ".csv":
            pyarrow.csv.write_csv(table, draft)
        elif out.suffix.lower() in (".parquet", ".pq"):
            pyarrow.parquet.write_table(table, draft)
        else:
            with draft.open("wb") as file:
                for chunk in table.to_batches(_ROWS_AT_ONCE):
                    file.writelines(msgspec.json.encode(row) + b"\n" for row in chunk.to_pylist())
        draft.replace(place)
    except (pa.ArrowException, TypeError) as error:
        raise ModelError(
            f"the prepared rows cannot be written as {out.suffix}: {error}",
            where=str(out),
            cause="the target is of a type that this format does not hold, such as a list",
            fix="write .parquet, or turn the target into numbers or strings first",
        ) from error
    except OSError as error:
        raise ModelError(
            f"the prepared rows cannot be written: {error}",
            where=str(out),
            cause="no such folder, no permission, or a full disk",
            fix="name another file",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def _check_out(out: Path, *read: Path | None) -> None:
    """Before any work is done."""
    if out.suffix.lower() not in (".csv", ".jsonl", ".ndjson", ".parquet", ".pq"):
        raise ModelError(
            f"prepared rows are not written as {out.suffix or 'none'!r}",
            where=str(out),
            cause="the ending of the file name says the format",
            fix="use .csv, .jsonl (one object a line) or .parquet",
        )
    # Not by name: a link is the same file.
    if out.exists() and any(path.exists() and out.samefile(path) for path in read if path is not None):
        raise ModelError(
            "this file is read, and would be written over",
            where=str(out),
            cause="one file was named twice",
            fix="name another file to write",
        )


def _check_names(columns: dict[str, Any], beside: dict[str, Any], where: str) -> None:
    twice = sorted(set(columns) & set(beside))
    if twice:
        raise ModelError(
            f"a prepared column is named as target or time: {', '.join(twice)}",
            where=where,
            cause="a step writes a column of this name",
            fix="let it write another one",
        )
