"""Answers of a file as a model's signals: what `weir predict` and `weir replay` write, in each of their formats."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
from numpy.typing import NDArray

from models.errors import ModelError
from models.loaded import LoadedModel
from models.manifest import Output, Task
from models.training_data import read_training
from streams.trial.against.report import ReportedRows

_TEXT, _NUMBER = pa.string(), pa.float64()
# A label is text here, whatever its cells look like: "0", "01" and "true" are labels, too.
_COLUMNS = {"prediction": _TEXT, "score": _NUMBER, "model": _TEXT, "version": _TEXT, "duplicate_of": _TEXT}


def read_answers(path: Path, model: LoadedModel, time: str | None) -> ReportedRows:
    """Answers of one model. Those of an id that was answered shortly before are left out. Raises ModelError."""
    data = read_training(path, features=["prediction"], time=time)
    told, where = _read(path), str(path)
    _require_own(told["model"], model.name, where)
    is_counted = told["duplicate_of"].is_null().to_numpy(zero_copy_only=False)
    versions = Counter(text for text in told["version"].filter(pa.array(is_counted)).to_pylist() if text is not None)
    output, first = model.manifest.output, len(model.schema.features)
    matrix = np.full((len(is_counted), first + len(model.output_signals)), np.nan)
    if output.task is Task.REGRESSION:
        matrix[:, first] = data.matrix[:, 0]
    else:
        matrix[:, first] = told["score"].to_numpy(zero_copy_only=False)
        matrix[:, first + 1] = _classes(told["prediction"], output, where)
    times = None if data.times_ms is None else data.times_ms[is_counted]
    order = np.arange(is_counted.sum()) if times is None else np.argsort(times, kind="stable")
    return ReportedRows(
        matrix[is_counted][order],
        None if times is None else times[order],
        answers_only=True,
        other_versions={name: count for name, count in sorted(versions.items()) if name != model.version},
        duplicates=int((~is_counted).sum()),
    )


def _require_own(models: Any, name: str, where: str) -> None:
    others = sorted({found for found in models.unique().to_pylist() if found not in (None, name)})
    if others:
        raise ModelError(
            f"the file holds answers of {', '.join(map(repr, others[:5]))}, not of {name!r} alone",
            where=where,
            cause="answers of another model, or of several",
            fix="name the model that answered with --model, and give the answers of that one alone",
        )


def _classes(predictions: Any, output: Output, where: str) -> NDArray[np.float64]:
    """Labels of a file as indices into those of the model."""
    places: dict[str | None, float] = {None: np.nan}
    for text in predictions.unique().to_pylist():
        if text is None:
            continue
        place = _place_of(text, output)
        if place is None:
            raise ModelError(
                f"the file holds the answer {text!r}, which the model does not give",
                where=where,
                cause="a file of another model or version",
                fix="name the version that answered with --model NAME/VERSION; "
                f"this one gives {', '.join(output.names)}",
            )
        places[text] = float(place)
    return np.array([places[text] for text in predictions.to_pylist()], dtype=np.float64)


def _place_of(text: str, output: Output) -> int | None:
    """By its name; a number also however it is written."""
    if text in output.names:
        return output.names.index(text)
    try:
        number = float(text)
    except ValueError:
        return None
    return next((n for n, label in enumerate(output.labels) if not isinstance(label, str) and label == number), None)


def _read(path: Path) -> dict[str, Any]:
    """The columns of `_COLUMNS`, without a value where the file has none of them. Raises ModelError."""
    try:
        table = _table(path)
        columns = {
            name: table.column(name).cast(kind) if name in table.column_names else pa.nulls(table.num_rows, kind)
            for name, kind in _COLUMNS.items()
        }
        columns = {name: pa.chunked_array(column) for name, column in columns.items()}
        scores = columns["score"].to_numpy(zero_copy_only=False)
        if np.isinf(scores).any():
            raise pa.ArrowInvalid("an infinite score")
        return columns
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise ModelError(
            f"the answers cannot be read: {str(error)[:300]}",
            where=str(path),
            cause="a damaged file, or columns prediction, score, model, version or duplicate_of of other types",
            fix="give the file as `weir predict` or `weir replay` wrote it",
        ) from error


def _table(path: Path) -> Any:
    suffix = path.suffix.lower()
    if suffix in (".parquet", ".pq"):
        names = pyarrow.parquet.read_schema(path).names
        return pyarrow.parquet.read_table(path, columns=[name for name in _COLUMNS if name in names])
    if suffix == ".csv":
        options = pyarrow.csv.ConvertOptions(
            column_types=_COLUMNS,
            include_columns=list(_COLUMNS),
            include_missing_columns=True,
            null_values=[""],  # a label may be NA
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        return pyarrow.csv.read_csv(path, convert_options=options)
    schema = pa.schema(list(_COLUMNS.items()))
    try:
        options = pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
        return pyarrow.json.read_json(path, parse_options=options)
    except pa.ArrowInvalid:  # labels that are numbers or truth values
        return pyarrow.json.read_json(path)
