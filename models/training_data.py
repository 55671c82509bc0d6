"""Training rows from CSV, JSON lines or Parquet: the input schema they imply, and the coded matrix.

Parquet is read in batches; CSV and JSON lines as a whole, since only then does every value count for the type of its
column. Beyond that, memory holds the coded matrix.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
from numpy.typing import NDArray

from models.columns import ColumnCoder, kind_of
from models.errors import ModelError
from models.prediction import FloatMatrix, Label
from models.schema import Feature, InputSchema


@dataclass(frozen=True, slots=True)
class TrainingData:
    """n rows: coded features (n x features), labels where a target was named, times in ms where a time was, keys (None
    where there is none) where a key was."""

    schema: InputSchema
    matrix: FloatMatrix
    target: list[Label | None] | None
    times_ms: NDArray[np.int64] | None
    keys: list[bytes | None] | None = None


def read_training(
    path: Path,
    *,
    target: str | None = None,
    time: str | None = None,
    features: Sequence[str] | None = None,
    key: str | None = None,
    known: InputSchema | None = None,
    optional: Collection[str | None] = (),
) -> TrainingData:
    """Read the columns `features`, in that order, or else all but `target`, `time` and `key`, in the file's order.

    A column that is `known` may be without any value, and is then taken for that feature. Without a column for target,
    time or key that is `optional`, there are none.

    Raises ModelError for an unknown format, missing, repeated, mixed or empty columns, and infinite numbers.
    """
    where = str(path)
    try:
        names, types, chunks = _open(path)
        target, time, key = (None if each in optional and each not in names else each for each in (target, time, key))
        expected = {feature.name: feature for feature in known.features} if known is not None else {}
        columns = _chosen(names, (target, time, key), features, where)
        coders = {name: _coder(name, types[name], expected.get(name), where) for name in columns}
        labels: list[Label | None] = []
        times: list[NDArray[np.int64]] = []
        keys: list[bytes | None] = []
        rows = 0
        for chunk in chunks:
            rows += chunk.num_rows
            for name, coder in coders.items():
                coder.add(chunk.column(name))
            if target is not None:
                labels.extend(chunk.column(target).to_pylist())
            if time is not None:
                times.append(_milliseconds(chunk.column(time), time, where))
            if key is not None:
                keys.extend(_keys(chunk.column(key), key, where))
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise ModelError(
            f"the training data cannot be read: {str(error)[:300]}",
            where=where,
            cause="a missing or damaged file, rows of different length, or a column of mixed types",
            fix="give each column one type; CSV with a header line, or one JSON object a line, or Parquet",
        ) from error
    if rows == 0:
        raise ModelError(
            "the training data has no rows", where=where, cause="an empty file", fix="give the rows it was trained on"
        )
    finished = [coder.finish() for coder in coders.values()]
    return TrainingData(
        schema=InputSchema(tuple(feature for feature, _ in finished)),
        matrix=np.column_stack([codes for _, codes in finished]),
        target=None if target is None else labels,
        times_ms=None if time is None else np.concatenate(times),
        keys=None if key is None else keys,
    )


def _coder(name: str, arrow_type: Any, expected: Feature | None, where: str) -> ColumnCoder:
    untyped = expected is not None and pa.types.is_null(arrow_type)
    kind = expected.kind if expected is not None and untyped else kind_of(name, arrow_type, where)
    return ColumnCoder(name, kind, where, without_values=expected)


def _open(path: Path) -> tuple[list[str], dict[str, Any], Iterator[Any]]:
    """Column names, their Arrow types, and record batches."""
    suffix = path.suffix.lower()
    if suffix in (".parquet", ".pq"):
        file = pyarrow.parquet.ParquetFile(path)
        schema, chunks = file.schema_arrow, file.iter_batches()
    elif suffix in (".csv", ".jsonl", ".ndjson", ".json"):
        if suffix == ".csv":
            options = pyarrow.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
            table = pyarrow.csv.read_csv(path, convert_options=options)
        else:
            table = pyarrow.json.read_json(path)
        schema, chunks = table.schema, iter(table.to_batches())
    else:
        raise ModelError(
            f"training data of type {suffix or 'none'!r}",
            where=str(path),
            cause="the ending of the file name says the format",
            fix="use .csv, .jsonl (one object a line) or .parquet",
        )
    # pandas keeps its index as a column of Parquet: it is none of the model's
    names = [name for name in schema.names if not name.startswith("__index_level_")]
    return names, {field.name: field.type for field in schema}, chunks


def _chosen(names: list[str], others: Sequence[str | None], features: Sequence[str] | None, where: str) -> list[str]:
    """`others`: columns with a use of their own, which are no features unless they are named as such."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ModelError(
            f"columns repeat: {', '.join(repeated)}", where=where, cause="two columns of one name", fix="rename one"
        )
    wanted = [*(features or ()), *(name for name in others if name is not None)]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise ModelError(
            f"no column {', '.join(map(repr, missing))}",
            where=where,
            cause=f"the file has {', '.join(names[:30])}",
            fix="name the columns as the file does; the estimator's own feature names must be among them",
        )
    chosen = list(features) if features is not None else [name for name in names if name not in others]
    if not chosen:
        raise ModelError(
            "no feature column is left", where=where, cause="target, time and key only", fix="add the features"
        )
    return chosen


def _keys(values: Any, column: str, where: str) -> list[bytes | None]:
    """As a producer would write them; for a whole number its digits."""
    if not pa.types.is_integer(values.type) and kind_of(column, values.type, where) != "category":
        raise ModelError(
            f"column {column!r} is no key: it is of type {values.type}",
            where=where,
            cause="keys are strings or whole numbers",
            fix="convert the column, or name another with --key",
        )
    return [None if value is None else str(value).encode() for value in values.to_pylist()]


def _milliseconds(values: Any, column: str, where: str) -> NDArray[np.int64]:
    try:
        if pa.types.is_integer(values.type):
            numbers, per_ms = pc.cast(values, pa.int64()), 1
        elif pa.types.is_temporal(values.type) or kind_of(column, values.type, where) == "category":
            numbers, per_ms = pc.cast(pc.cast(values, pa.timestamp("us", "UTC"), safe=False), pa.int64()), 1000
        else:
            raise pa.ArrowInvalid(f"type {values.type}")
        if numbers.null_count:
            raise pa.ArrowInvalid("nulls")
    except pa.ArrowException as error:
        raise ModelError(
            f"column {column!r} is not a time: {str(error)[:200]}",
            where=where,
            cause="times are RFC 3339, or integers in ms since the epoch, and never null",
            fix="convert the column, or leave --time out",
        ) from error
    # Downwards, as serving cuts off what is finer; Arrow would do so towards 1970.
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.int64) // per_ms
