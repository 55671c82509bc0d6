"""What became of rows, as columns of answers and lines of rejections. Pure."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from models.manifest import Manifest
from models.prediction import Label
from streams.backfill.kept import as_written, is_json, json_cells, plain_values
from streams.backfill.rows import Rows
from streams.contracts import Reason, ServedBy
from streams.pipeline import Outcomes, Rejection

AnswerFormat: TypeAlias = Literal["csv", "jsonl", "parquet"]

_encode = msgspec.json.Encoder().encode


class RejectedRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the file of rejected rows. `row` counts from 1. `event` is the row as it was judged: the event made of
    it, or the line as it is; in base64 where it is not UTF-8, and left out where it is too large."""

    row: int
    stage: str
    reason: str
    error: str
    id: str | None = None
    event: str | None = None
    event_base64: str | None = None


def answer_schema(manifest: Manifest) -> Any:
    """The columns of answers of a model, the same for every row and format."""
    output = manifest.output
    columns = [("id", pa.string()), ("prediction", _label_type(output.labels))]
    if output.labels:
        columns.append(("score", pa.float64()))
    if output.labels and output.class_scores:
        columns.append(("scores", pa.struct([(name, pa.float64()) for name in output.names])))
    texts = ("served_by", pa.string()), ("degraded", pa.bool_()), ("reason", pa.string())
    return pa.schema([*columns, *texts, ("model", pa.string()), ("version", pa.string())])


def answer_batch(schema: Any, manifest: Manifest, outcomes: Outcomes) -> Any:
    """The answered rows as a record batch of `answer_schema`."""
    answers, how = outcomes.predictions, [outcomes.degraded.get(row) for row in outcomes.rows]
    unscored = np.array([each is not None and not each.scored for each in how], dtype=np.bool_)
    columns: dict[str, Any] = {
        "id": outcomes.event_ids,
        "prediction": label_column(answers.values, schema.field("prediction").type),
        "served_by": [str(ServedBy.MODEL) if each is None else str(each.served_by) for each in how],
        "degraded": [each is not None for each in how],
        "reason": [None if each is None else str(each.reason) for each in how],
        "model": [manifest.name] * len(how),
        "version": [manifest.version if each is None else each.version for each in how],
    }
    if "score" in schema.names:
        columns["score"] = pa.array(_numbers(answers.scores, len(how)), mask=unscored)
    if "scores" in schema.names:
        by_class = _numbers(answers.class_scores, len(how), len(manifest.output.labels))
        parts = [pa.array(column) for column in by_class.T]
        columns["scores"] = pa.StructArray.from_arrays(
            parts, fields=list(schema.field("scores").type), mask=pa.array(unscored)
        )
    return pa.record_batch([_column(columns[field.name], field.type) for field in schema], schema=schema)


def _column(values: Any, arrow_type: Any) -> Any:
    return values if isinstance(values, pa.Array) else pa.array(values, arrow_type)


def _numbers(values: Any, *shape: int) -> NDArray[np.float64]:
    """Where only rungs without probabilities answered there may be no column at all."""
    return np.full(shape, np.nan) if values is None else np.ascontiguousarray(values, dtype=np.float64)


def begin(schema: Any, form: AnswerFormat) -> bytes:
    """What stands before the answers. Parquet is put together at the end, from an Arrow stream."""
    match form:
        case "csv":
            return _csv(_flat(schema.empty_table()), header=True)
        case "parquet":
            return bytes(schema.serialize())
    return b""


def encoded(batch: Any, form: AnswerFormat) -> bytes:
    """A batch of answers to be put behind others."""
    match form:
        case "csv":
            return _csv(_flat(pa.table(_plain(batch))), header=False)
        case "parquet":
            return bytes(_plain(batch).serialize())
    names = batch.schema.names
    rows = zip(*map(json_cells, batch.schema, batch.columns), strict=True)
    # What is null is left out, as it is of a prediction in Kafka.
    told = ({k: v for k, v in zip(names, row, strict=True) if v is not None} for row in rows)
    return msgspec.json.Encoder().encode_lines(list(told))


def _plain(batch: Any) -> Any:
    """Without JSON texts in columns that are kept."""
    if not any(map(is_json, batch.schema)):
        return batch
    pairs = zip(batch.schema, batch.columns, strict=True)
    columns = [plain_values(column) if is_json(field) else column for field, column in pairs]
    return pa.record_batch(columns, schema=as_written(batch.schema))


def rejected_lines(rows: Rows, first_row: int, rejections: Sequence[Rejection]) -> bytes:
    """One line a rejected row."""
    return msgspec.json.Encoder().encode_lines([_rejected(rows, first_row, each) for each in rejections])


def _rejected(rows: Rows, first_row: int, rejection: Rejection) -> RejectedRow:
    value = rows.values[rejection.row]
    event = event_base64 = None
    if rejection.reason is not Reason.TOO_LARGE:
        try:
            event = value.decode()
        except UnicodeDecodeError:
            event_base64 = base64.b64encode(value).decode()
    id_ = rows.ids[rejection.row] or _own_id(value)
    return RejectedRow(
        first_row + rejection.row + 1,
        rejection.stage,
        rejection.reason,
        rejection.error,
        id_ if id_ is None else id_.encode("utf-8", "replace").decode(),
        event,
        event_base64,
    )


class _WithId(msgspec.Struct):
    id: str


_decode_with_id = msgspec.json.Decoder(_WithId).decode


def _own_id(value: bytes) -> str | None:
    try:
        return _decode_with_id(value).id
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _label_type(labels: Sequence[Label]) -> Any:
    types: Mapping[type, Callable[[], Any]] = {str: pa.string, int: pa.int64, bool: pa.bool_, float: pa.float64}
    found = set(map(type, labels)) or {float}
    return types[found.pop()]() if len(found) == 1 else pa.string()


def label_column(values: Sequence[Label], arrow_type: Any) -> Sequence[Any]:
    """Labels as values of the column `prediction`: in a column of texts, others are their JSON."""
    if arrow_type != pa.string():
        return values
    return [value if isinstance(value, str) else _encode(value).decode() for value in values]


def _flat(table: Any) -> Any:
    """CSV has no cell for an object: it holds its JSON."""
    if "scores" not in table.schema.names:
        return table
    at = table.schema.get_field_index("scores")
    texts = [None if each is None else _encode(each).decode() for each in table.column("scores").to_pylist()]
    return table.set_column(at, "scores", pa.array(texts, pa.string()))


def _csv(table: Any, *, header: bool) -> bytes:
    out = io.BytesIO()
    pyarrow.csv.write_csv(table, out, pyarrow.csv.WriteOptions(include_header=header))
    return out.getvalue()
