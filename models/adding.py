"""From a fitted scikit-learn estimator and its training rows to a model: what it answers, and what computes that."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.coding import object_matrix
from models.declared_output import NOTHING_DECLARED, DeclaredOutput, HeldOut
from models.declaring import output_of
from models.describing import Answering, Candidate, check_answers, describe, untiled_cost
from models.errors import ModelError
from models.estimator_parts import null_is_nan
from models.estimator_task import check_target, check_width, task_of, tuned_threshold
from models.manifest import Task
from models.prediction import FloatMatrix, Label
from models.runtime_choice import RuntimeOption, choose
from models.runtime_sklearn import load_estimator, raw_predict
from models.schema import InputSchema, Kind


def make_candidate(
    estimator_bytes: bytes,
    schema: InputSchema,
    matrix: FloatMatrix,
    *,
    name: str,
    created: str,
    where: str,
    target: Sequence[Label | None] | None = None,
    declared: DeclaredOutput = NOTHING_DECLARED,
    held_out: HeldOut | None = None,
    tile_rows: int | None = None,
    runtime: RuntimeOption = "sklearn",
) -> Candidate:
    """Load the estimator as a worker will, ask it about its training rows, and describe it.

    `matrix` is n x features, coded. `held_out` are rows to fit a declared calibration on. `tile_rows` None: 0
    when answers do not depend on the batch, else `TILE_ROWS`. Raises ModelError, also when `runtime` is `onnx` and
    answers would differ.
    """
    estimator = load_estimator(estimator_bytes, where)
    check_width(estimator, schema, where)
    null_category: Literal["none", "nan"] = "nan" if null_is_nan(estimator) else "none"
    task, classes = task_of(estimator, where)
    check_target(classes, target, where)
    raw = raw_predict(estimator, schema, task, null_category)
    check_answers(raw, matrix, max(1, len(classes)), where)
    tuned = tuned_threshold(estimator) if task is Task.BINARY else None
    output, fit = output_of(declared, held_out, task, classes, raw, tuned=tuned, where=where)
    answering = Answering(
        runtime="sklearn",
        data=estimator_bytes,
        raw=raw,
        null_category=null_category,
        own_classes=functools.partial(_own_classes, estimator, schema, null_category) if classes else None,
    )
    why, instead = "", None
    if runtime != "sklearn":
        choice = choose(estimator, raw, schema, output, matrix, where=where)
        why = choice.why
        if choice.data is not None and choice.raw is not None:
            instead = untiled_cost(raw, matrix)
            answering = Answering(runtime="onnx", data=choice.data, raw=choice.raw, own_classes=answering.own_classes)
        elif runtime == "onnx":
            raise ModelError(
                f"it cannot be served as ONNX: {why}",
                where=where,
                cause="an estimator that ONNX has no operators for, or thresholds that rounding steps over",
                fix="leave --runtime out: scikit-learn itself serves it",
            )
    return describe(
        answering,
        schema,
        output,
        matrix,
        name=name,
        created=created,
        where=where,
        tile_rows=tile_rows,
        why=why,
        instead=instead,
        fit=fit,
    )


def _own_classes(
    estimator: Any, schema: InputSchema, null_category: Literal["none", "nan"], rows: FloatMatrix
) -> NDArray[np.intp]:
    """What the estimator's own `predict` chooses."""
    null = float("nan") if null_category == "nan" else None
    coded = any(feature.kind is Kind.CATEGORY for feature in schema.features)
    own = np.asarray(estimator.predict(object_matrix(schema, rows, null) if coded else rows))
    places: NDArray[np.intp] = (own[:, None] == np.asarray(estimator.classes_)[None, :]).argmax(axis=1)
    return places
