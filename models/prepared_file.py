"""Rows as an estimator takes them, written to a file: what it is fitted on is what serving computes."""

from __future__ import annotations

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
from models.prediction import FloatMatrix
from models.prepared_training import PreparedTraining, prepare_training
from models.preprocessing.preparation import Prepared
from models.preprocessing_file import DeclaredPreprocessing
from models.schema import Feature, Kind
from models.training_data import read_training


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
    _check_ending(out)
    read = read_training(training_file, target=target, time=time, key=key, features=declared.features)
    training = prepare_training(
        declared.preprocessing, read.schema, read.matrix, read.times_ms, keys=read.keys, where=declared.where
    )
    preparation = training.preparation
    rows = RowsOfFile(read.matrix, read.target, read.times_ms, read.keys, 0)
    prepared = Prepared(training.matrix, {})
    if rows_file is not None:
        rows = read_rows_of(rows_file, training.schema, target=target, time=time, key=key)
        prepared = training.prepare(TimedRows(rows.matrix, rows.times_ms, rows.keys), str(rows_file))
    kept = np.array([row for row in range(len(rows.matrix)) if row not in prepared.failures], dtype=np.intp)
    columns = _decoded(preparation.outputs.features, prepared.matrix[kept])
    beside: dict[str, Any] = {}
    if target is not None and rows.target is not None:
        beside[target] = [rows.target[row] for row in kept.tolist()]
    if time is not None and rows.times_ms is not None:
        beside[time] = rows.times_ms[kept].tolist()
    _check_names(columns, beside, str(out))
    _write(out, {**columns, **beside})
    return PreparedFile(training, len(kept), rows.refused, len(prepared.failures))


def _decoded(features: tuple[Feature, ...], matrix: FloatMatrix) -> dict[str, list[Any]]:
    return {feature.name: _values(feature, matrix[:, at]) for at, feature in enumerate(features)}


def _values(feature: Feature, codes: NDArray[np.float64]) -> list[Any]:
    """The values that a column's codes stand for; None for null."""
    if feature.kind is Kind.NUMBER:
        return [None if code != code else code for code in codes.tolist()]  # noqa: PLR0124  NaN, faster than isnan
    words = (False, True) if feature.kind is Kind.BOOLEAN else (*feature.categories, UNSEEN_TEXT)
    return [None if code != code else words[int(code)] for code in codes.tolist()]  # noqa: PLR0124  the same


def _write(out: Path, columns: dict[str, list[Any]]) -> None:
    try:
        if out.suffix.lower() in (".jsonl", ".ndjson"):
            rows = zip(*columns.values(), strict=True)
            lines = (msgspec.json.encode(dict(zip(columns, row, strict=True))) + b"\n" for row in rows)
            out.write_bytes(b"".join(lines))
            return
        table = pa.table(columns)
        if out.suffix.lower() == ".csv":
            pyarrow.csv.write_csv(table, out)
        else:
            pyarrow.parquet.write_table(table, out)
    except (OSError, pa.ArrowException) as error:
        raise ModelError(
            f"the prepared rows cannot be written: {error}",
            where=str(out),
            cause="no such folder, no permission, or a full disk",
            fix="name another file",
        ) from error


def _check_ending(out: Path) -> None:
    if out.suffix.lower() not in (".csv", ".jsonl", ".ndjson", ".parquet", ".pq"):
        raise ModelError(
            f"prepared rows are not written as {out.suffix or 'none'!r}",
            where=str(out),
            cause="the ending of the file name says the format",
            fix="use .csv, .jsonl (one object a line) or .parquet",
        )


def _check_names(columns: dict[str, list[Any]], beside: dict[str, Any], where: str) -> None:
    twice = sorted(set(columns) & set(beside))
    if twice:
        raise ModelError(
            f"a prepared column is named as target or time: {', '.join(twice)}",
            where=where,
            cause="a step writes a column of this name",
            fix="let it write another one",
        )
