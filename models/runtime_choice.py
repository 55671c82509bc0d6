"""ONNX where it answers as scikit-learn does, on the training rows and at the estimator's thresholds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from models.answers import to_predictions
from models.errors import ModelError
from models.manifest import Output, Task
from models.prediction import FloatMatrix
from models.runtime_onnx import ask, load_onnx
from models.schema import InputSchema
from models.threshold_rows import threshold_rows
from models.tiles import RawPredict

RuntimeOption: TypeAlias = Literal["sklearn", "onnx", "auto"]

TOLERANCE = 1e-5
"""By which a probability may differ; a regression's number by this share of itself, or of the answers' deviation."""

ROWS = 8192
"""Training rows that are compared, evenly spread; and how many are asked at once."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`rows` of `of` differ: `classes` of them are another class. `largest` is the largest difference of a number."""

    of: int
    rows: int
    classes: int
    largest: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The converted model and how to ask it, or neither; `why` says what decided."""

    data: bytes | None
    raw: RawPredict | None
    why: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A conversion in one precision and how its answers differ, or the `problem` for which there is none."""

    precision: Literal["float64", "float32"]
    data: bytes = b""
    raw: RawPredict | None = None
    difference: Difference | None = None
    problem: str = ""

    @property
    def holds(self) -> bool:
        return self.difference is not None and not self.difference.rows

    def __str__(self) -> str:
        found = self.difference
        if found is None:
            return f"in {self.precision} it cannot be converted: {self.problem}"
        if not found.rows:
            return f"in {self.precision}, {found.of:,} rows answered alike, largest difference {found.largest:.2g}"
        return (
            f"in {self.precision} {found.rows:,} of {found.of:,} rows differ by up to {found.largest:.2g}, "
            f"{found.classes:,} in their class"
        )


def choose(
    estimator: Any, raw: RawPredict, schema: InputSchema, output: Output, matrix: FloatMatrix, *, where: str
) -> Choice:
    """Convert and compare. What cannot be converted, for whatever reason, stays with scikit-learn."""
    tried = []
    try:
        for attempt in attempts(estimator, raw, schema, output, matrix, where=where):
            if attempt.holds:
                return Choice(attempt.data, attempt.raw, str(attempt))
            tried.append(str(attempt))
    except ImportError as error:
        return Choice(None, None, f"not tried, {error.name} is missing: pip install 'weir-streaming[convert]'")
    except Exception as error:  # noqa: BLE001  any estimator, any fault
        return Choice(None, None, f"it fails at its own thresholds: {_one_line(error)}")
    return Choice(None, None, "; ".join(tried))


def attempts(
    estimator: Any, raw: RawPredict, schema: InputSchema, output: Output, matrix: FloatMatrix, *, where: str
) -> Iterator[Attempt]:
    """One precision after the other, compared at the same rows. Raises ImportError without the packages that convert,
    and whatever the estimator itself raises."""
    from models.conversion import PRECISIONS, convert  # noqa: PLC0415  an extra, only needed here

    rows = comparison_rows(estimator, raw, schema, matrix)
    due = _in_parts(raw, rows)
    for precision in PRECISIONS:
        try:
            data = convert(estimator, schema, precision)
            converted = ask(load_onnx(data, where), schema)
            difference = compare(output, due, _in_parts(converted, rows))
        except Exception as error:  # noqa: BLE001  skl2onnx and the runtime raise anything
            yield Attempt(precision, problem=_one_line(error))
            continue
        yield Attempt(precision, data, converted, difference)


def comparison_rows(estimator: Any, raw: RawPredict, schema: InputSchema, matrix: FloatMatrix) -> FloatMatrix:
    """Training rows, and rows at thresholds that the estimator itself can answer."""
    spread = matrix[np.unique(np.linspace(0, len(matrix) - 1, min(ROWS, len(matrix))).astype(np.intp))]
    return np.concatenate([spread, threshold_rows(estimator, raw, schema, spread)])


def compare(output: Output, due: FloatMatrix, found: FloatMatrix) -> Difference:
    """Where `found` is not `due`, for the purposes of the one who reads the answers."""
    if due.shape != found.shape:
        return Difference(len(due), len(due), len(due), float("inf"))
    scale = max(float(np.std(due)), float(np.finfo(np.float32).tiny)) if output.task is Task.REGRESSION else 1.0
    far = ~np.isclose(found, due, rtol=TOLERANCE, atol=TOLERANCE * scale).all(axis=1)
    other = np.zeros(len(due), dtype=bool)
    if output.task is not Task.REGRESSION:
        ours, theirs = to_predictions(output, due).outputs, to_predictions(output, found).outputs
        other = ours[:, 1] != theirs[:, 1]
        # Calibration may be steep.
        far |= ~np.isclose(theirs[:, 0], ours[:, 0], rtol=TOLERANCE, atol=TOLERANCE)
    largest = float(np.abs(found - due).max(initial=0.0))
    return Difference(len(due), int((far | other).sum()), int(other.sum()), largest)


def _in_parts(raw: RawPredict, rows: FloatMatrix) -> FloatMatrix:
    return np.concatenate(
        [raw(np.ascontiguousarray(rows[start : start + ROWS])) for start in range(0, len(rows), ROWS)]
    )


def _one_line(error: Exception) -> str:
    text = error.what if isinstance(error, ModelError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:200]
