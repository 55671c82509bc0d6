"""Events out of the tensors of the Open Inference Protocol (V2), and tensors out of answers. Pure.

Either one tensor a feature, by its name, of shape [n] or [n, 1]; or a single one of shape [n, features] with the
features in the schema's order. ``data`` may be flat or nested.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from models.prediction import Label
from models.schema import InputSchema, Kind
from streams.http.answers import HttpPrediction
from streams.http.asked import BadRequest, event_of

Datatype = Literal[
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"
]
DATATYPES: dict[Kind, Datatype] = {Kind.NUMBER: "FP64", Kind.BOOLEAN: "BOOL", Kind.CATEGORY: "BYTES"}


class InputTensor(msgspec.Struct, frozen=True):
    name: str
    shape: list[int]
    datatype: Datatype
    data: list[msgspec.Raw]


class InferRequest(msgspec.Struct, frozen=True):
    """`id` comes back in the answer. What else the protocol allows is left out of account."""

    inputs: list[InputTensor]
    id: str | None = None


class OutputTensor(msgspec.Struct, frozen=True):
    name: str
    shape: list[int]
    datatype: Datatype
    data: list[Any]


class InferAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    model_name: str
    model_version: str
    outputs: list[OutputTensor]
    id: str | None = None


_request = msgspec.json.Decoder(InferRequest).decode
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def infer_request(body: bytes) -> InferRequest:
    """Raises BadRequest."""
    try:
        return _request(body)
    except msgspec.ValidationError as error:
        raise BadRequest(400, f"no inference request: {error}") from None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise BadRequest(400, "the body is no JSON") from None


def events_of(request: InferRequest, schema: InputSchema, max_rows: int) -> list[bytes]:
    """An event a row; its id is the row's number. What a value may be is the pipeline's to say. Raises BadRequest."""
    names, tensors = schema.names, request.inputs
    if len(tensors) == 1 and tensors[0].shape[1:] == [len(names)] and tensors[0].name not in names:
        rows, columns = _rows(tensors[0].shape, max_rows), list(names)
        cells = _flat(tensors[0], rows * len(names))
        table = [cells[start : start + len(names)] for start in range(0, len(cells), len(names))]
    else:
        columns = [tensor.name for tensor in tensors]
        if not columns or len(set(columns)) < len(columns):
            raise BadRequest(400, "one tensor a feature, or a single one of shape [n, features]")
        rows = _rows(tensors[0].shape, max_rows)
        for tensor in tensors:
            if tensor.shape not in ([rows], [rows, 1]):
                raise BadRequest(400, f"the tensor {tensor.name!r} has another shape than [{rows}] or [{rows}, 1]")
        table = [list(row) for row in zip(*(_flat(tensor, rows) for tensor in tensors), strict=True)]
    return [event_of(str(row), dict(zip(columns, cells, strict=True))) for row, cells in enumerate(table)]


def outputs_of(answers: Sequence[HttpPrediction], classes: Sequence[str]) -> list[OutputTensor]:
    """``predict``, and where there are some, ``score`` and ``scores`` ([n, classes]); ``served_by`` and ``version``
    where another than the model answered a row: the protocol names one version for all of them."""
    values = [answer.prediction for answer in answers]
    outputs = [OutputTensor("predict", [len(values)], _datatype(values), values)]
    scores = [answer.score for answer in answers]
    if any(score is not None for score in scores):
        outputs.append(OutputTensor("score", [len(scores)], "FP64", scores))
    by_class = [answer.scores for answer in answers if answer.scores is not None]
    if by_class and len(by_class) == len(answers):
        data = [row[name] for row in by_class for name in classes]
        outputs.append(OutputTensor("scores", [len(by_class), len(classes)], "FP64", data))
    if any(answer.degraded for answer in answers):
        outputs.append(OutputTensor("served_by", [len(answers)], "BYTES", [answer.served_by for answer in answers]))
        outputs.append(OutputTensor("version", [len(answers)], "BYTES", [answer.version for answer in answers]))
    return outputs


def _datatype(values: Sequence[Label]) -> Datatype:
    types = set(map(type, values))
    if types == {bool}:
        return "BOOL"
    if types == {int}:
        return "INT64"
    return "FP64" if types <= {int, float} and types else "BYTES"


def _rows(shape: list[int], max_rows: int) -> int:
    if not shape or shape[0] < 1:
        raise BadRequest(400, "a shape begins with the number of rows, at least 1")
    if shape[0] > max_rows:
        raise BadRequest(413, f"{shape[0]} rows; at most {max_rows} in one request")
    return shape[0]


def _flat(tensor: InputTensor, count: int) -> list[msgspec.Raw]:
    """The values in row order. One level of lists at most: there are no more dimensions than two."""
    cells: list[msgspec.Raw] = []
    for each in tensor.data[: count + 1]:  # and no more: the event loop is held up by it
        cells += _list(each) if bytes(memoryview(each)[:1]) == b"[" else [each]
    if len(tensor.data) > count or len(cells) != count:
        raise BadRequest(400, f"the tensor {tensor.name!r} has another number of values than the {count} of its shape")
    return cells
