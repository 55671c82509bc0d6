"""From the coded matrix to what an ONNX session is given: one matrix, or a column a feature, by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.coding import object_matrix
from models.onnx_graph import Contents, Port
from models.prediction import FloatMatrix
from models.schema import Feature, InputSchema, Kind, UnseenPolicy

Feeds: TypeAlias = Callable[[FloatMatrix], dict[str, NDArray[Any]]]

_NUMBERS: dict[str, Any] = {"float": np.float32, "double": np.float64}


def column_names(contents: Contents) -> list[str] | None:
    """The columns of the training data that the model asks for by name, where it does."""
    several = len(contents.inputs) > 1 or (contents.inputs and contents.inputs[0].element not in _NUMBERS)
    return [port.name for port in contents.inputs] if several else None


def feeds_of(inputs: Sequence[Port], schema: InputSchema) -> Feeds:
    """How to give a session coded rows. Raises ValueError when its inputs are not those of the schema."""
    features = schema.features
    for port in inputs:
        if port.shape is not None and len(port.shape) > 0 and port.shape[0] is not None:
            raise ValueError(f"input {port.name!r} takes {port.shape[0]} rows at a time, any number is due")
        if port.shape is not None and len(port.shape) not in (1, 2):
            raise ValueError(f"input {port.name!r} has {len(port.shape)} dimensions, rows and columns are due")
    one = len(inputs) == 1 and inputs[0].element in _NUMBERS
    if one and (len(features) > 1 or inputs[0].shape is None or len(inputs[0].shape) == 2):
        return _one_matrix(inputs[0], schema)
    if [port.name for port in inputs] != list(schema.names):
        raise ValueError(
            f"the model takes {', '.join(repr(port.name) for port in inputs) or 'nothing'}, "
            f"the training data has {', '.join(schema.names)}"
        )
    columns = [_column(port, schema, at) for at, port in enumerate(inputs)]
    return lambda matrix: {port.name: column(matrix) for port, column in zip(inputs, columns, strict=True)}


def _one_matrix(port: Port, schema: InputSchema) -> Feeds:
    width = port.shape[1] if port.shape is not None and len(port.shape) == 2 else None
    if port.shape is not None and (len(port.shape) != 2 or width not in (None, len(schema.features))):
        raise ValueError(
            f"input {port.name!r} has {width or 1} columns, the training data has {len(schema.features)} "
            f"({', '.join(schema.names)})"
        )
    kind = _NUMBERS[port.element or ""]
    return lambda matrix: {port.name: in_range(matrix, kind)}


def _column(port: Port, schema: InputSchema, at: int) -> Callable[[FloatMatrix], NDArray[Any]]:
    feature = schema.features[at]
    shape = (-1,) if port.shape is not None and len(port.shape) == 1 else (-1, 1)
    if port.shape is not None and len(port.shape) == 2 and port.shape[1] not in (None, 1):
        raise ValueError(f"input {port.name!r} has {port.shape[1]} columns, one is due")
    if port.element in _NUMBERS:
        kind = _NUMBERS[port.element]
        return lambda matrix: in_range(matrix[:, at], kind).reshape(shape)
    if feature.nullable:
        raise ValueError(f"input {port.name!r} is of type {port.element}, which has no null, and its column has nulls")
    if port.element == "string" and feature.kind is Kind.CATEGORY:
        one = InputSchema((feature,))
        unseen = _unseen(feature)
        return lambda matrix: object_matrix(one, matrix[:, at : at + 1], unseen=unseen).reshape(shape)
    if port.element in ("bool", "int64", "int32") and feature.kind is not Kind.NUMBER:
        whole = np.dtype(port.element)
        return lambda matrix: matrix[:, at].astype(whole).reshape(shape)
    raise ValueError(f"input {port.name!r} is of type {port.element}, its column is a {feature.kind}")


def in_range(values: FloatMatrix, kind: Any) -> NDArray[Any]:
    """The values as `kind`. Raises ValueError where one is beyond its range: as infinity it would be answered."""
    if kind is np.float64:
        return values
    with np.errstate(over="ignore"):
        narrow = values.astype(kind)
    if np.isinf(narrow).any():
        raise ValueError("a number is beyond the range of float32")
    return narrow


def _unseen(feature: Feature) -> str:
    """A word that is no category. ONNX Runtime ends a string at its first zero byte, so it holds none."""
    word = "unseen"
    while feature.unseen is UnseenPolicy.ACCEPT and word in feature.categories:
        word += "\uffff"
    return word
