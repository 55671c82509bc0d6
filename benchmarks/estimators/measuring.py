"""One estimator: whether it can be served, whether ONNX answers alike, and what a call costs in both runtimes."""

from __future__ import annotations

import time

import msgspec
import numpy as np

from benchmarks.estimators.fitting import Kind, fitted
from models.describing import check_answers
from models.errors import ModelError
from models.estimator_task import make_output, task_of
from models.prediction import FloatMatrix
from models.runtime_choice import Attempt, attempts
from models.runtime_sklearn import raw_predict
from models.schema import Feature, InputSchema
from models.tiles import RawPredict
from models.trusted import load_trusted, save_estimator

SIZES = (1, 100, 8192)
LONG_S = 0.2


class Estimator(msgspec.Struct):
    """What was found. `refused` says why it is not served at all, `onnx` what became of each precision; a cost is in
    microseconds a call, by rows."""

    kind: Kind
    name: str
    refused: str = ""
    onnx: list[str] = []
    holds: bool = False
    precision: str = ""
    compared: int = 0
    differ: int = 0
    sklearn_us: dict[int, float] = {}
    onnx_us: dict[int, float] = {}
    seconds: float = 0.0


def measure(kind: Kind, name: str, made: type) -> Estimator:
    start = time.perf_counter()
    found = Estimator(kind, name)
    try:
        _measure(found, made)
    except ModelError as error:
        found.refused = error.what
    except Exception as error:  # noqa: BLE001  whatever an estimator may raise belongs into the table
        found.refused = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    found.seconds = time.perf_counter() - start
    return found


def _measure(found: Estimator, made: type) -> None:
    fresh, matrix = fitted(found.kind, found.name, made)
    estimator = load_trusted(save_estimator(fresh), found.name)
    task, classes = task_of(estimator, found.name)
    output = make_output(task, classes, {}, threshold=None, decimals=None, class_scores=False, where=found.name)
    schema = InputSchema(tuple(Feature(f"f{at}") for at in range(matrix.shape[1])))
    raw = raw_predict(estimator, schema, task)
    check_answers(raw, matrix, max(1, len(classes)), found.name)
    found.sklearn_us = costs(raw, matrix)
    best: Attempt | None = None
    for attempt in attempts(estimator, raw, schema, output, matrix, where=found.name):
        found.onnx.append(str(attempt))
        if attempt.raw is not None and attempt.difference is not None:
            best = attempt
        if attempt.holds:
            break
    if best is not None and best.raw is not None and best.difference is not None:
        found.holds, found.precision = best.holds, best.precision
        found.compared, found.differ = best.difference.of, best.difference.rows
        found.onnx_us = costs(best.raw, matrix)


def costs(raw: RawPredict, matrix: FloatMatrix) -> dict[int, float]:
    """The shortest of up to 20 calls, or of those that fit into a fifth of a second."""
    found = {}
    for size in SIZES:
        rows = np.ascontiguousarray(np.resize(matrix, (size, matrix.shape[1])))
        raw(rows)
        shortest, spent, calls = float("inf"), 0.0, 0
        while calls == 0 or (calls < 20 and spent < LONG_S):
            start = time.perf_counter()
            raw(rows)
            took = time.perf_counter() - start
            shortest, spent, calls = min(shortest, took), spent + took, calls + 1
        found[size] = round(shortest * 1e6, 1)
    return found
