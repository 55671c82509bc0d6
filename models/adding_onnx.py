"""From a ready ONNX file and training rows to a model: its task and its classes are found out by asking it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.declared_output import NOTHING_DECLARED, DeclaredOutput, HeldOut
from models.declaring import output_of
from models.describing import PROBE_ROWS, Answering, Candidate, check_answers, describe
from models.errors import ModelError
from models.estimator_task import check_target
from models.manifest import Task, label_name
from models.onnx_inputs import Feeds, feeds_of
from models.prediction import FloatMatrix, Label
from models.runtime_onnx import OnnxModel, ask, load_onnx
from models.schema import InputSchema

_SUM_TOLERANCE = 1e-3


def make_onnx_candidate(
    data: bytes,
    schema: InputSchema,
    matrix: FloatMatrix,
    *,
    name: str,
    created: str,
    where: str,
    target: Sequence[Label | None] | None = None,
    declared: DeclaredOutput = NOTHING_DECLARED,
    held_out: HeldOut | None = None,
) -> Candidate:
    """Check the file, ask it about the training rows (n x features, coded) and describe it. Raises ModelError."""
    model = load_onnx(data, where)
    try:
        raw, feeds = ask(model, schema), feeds_of(model.inputs, schema)
    except ValueError as error:
        raise ModelError(
            str(error),
            where=where,
            cause="other training data than the model's, or a target or time among the columns",
            fix="give the columns it was trained on, in their order; name others with --target and --time",
        ) from error
    answers = _answers(model, feeds, matrix, where)
    columns = answers.shape[1]
    check_answers(raw, matrix, columns, where)
    classes: list[Label] = []
    if columns > 1:
        _check_probabilities(answers, where)
        classes = classes_of(answers.argmax(axis=1), _labels(model, feeds, matrix), target, columns, where)
        check_target(classes, target, where)
    else:
        _check_numbers(model, target, where)
    task = Task.REGRESSION if columns == 1 else Task.BINARY if columns == 2 else Task.MULTICLASS
    output, fit = output_of(declared, held_out, task, classes, raw, tuned=None, where=where)

    def own_classes(rows: FloatMatrix) -> NDArray[np.intp]:
        places = {label: place for place, label in enumerate(classes)}
        return np.array([places.get(label, -1) for label in _labels(model, feeds, rows)], dtype=np.intp)

    answering = Answering(
        runtime="onnx", data=data, raw=raw, own_classes=own_classes if classes and model.labels else None
    )
    return describe(answering, schema, output, matrix, name=name, created=created, where=where, fit=fit)


def classes_of(
    chosen: NDArray[np.intp], labels: Sequence[Label], target: Sequence[Label | None] | None, columns: int, where: str
) -> list[Label]:
    """The class of each column of probabilities: as the model's own labels show, the others from the target's labels,
    which are in order. `chosen` is the likeliest column of each row. Raises ModelError."""
    seen: dict[int, Label] = {}
    for column in range(columns if labels else 0):
        here = [label for label, at in zip(labels, chosen, strict=True) if at == column]
        if here:
            seen[column] = max(set(here), key=here.count)
    known = sorted({label for label in target or () if label is not None}, key=lambda label: (str(type(label)), label))
    if len(seen) == columns:
        return [seen[column] for column in range(columns)]
    fits = len(known) == columns and all(label_name(known[at]) == label_name(label) for at, label in seen.items())
    if not fits:
        raise ModelError(
            f"{columns} classes, of which {len(seen)} are known by name",
            where=where,
            cause="the model's labels do not show them all on these rows, nor does the target column",
            fix="name the column with the labels with --target, and give rows of each class",
        )
    return [seen.get(at, label) for at, label in enumerate(known)]


def _answers(model: OnnxModel, feeds: Feeds, matrix: FloatMatrix, where: str) -> FloatMatrix:
    """The numbers for all training rows, as they come. Raises ModelError."""
    found = [_run(model, model.answers.name, feeds, part, where) for part in _parts(matrix)]
    answers = np.concatenate(found)
    if answers.ndim not in (1, 2) or len(answers) != len(matrix):
        raise ModelError(
            f"output {model.answers.name!r} is of shape {answers.shape} for {len(matrix)} rows",
            where=where,
            cause="a model of sequences or images, or one that sums over rows",
            fix="give one row of numbers an input row",
        )
    return answers.astype(np.float64).reshape(len(matrix), -1)


def _labels(model: OnnxModel, feeds: Feeds, matrix: FloatMatrix) -> list[Label]:
    if model.labels is None:
        return []
    parts = [np.ravel(model.session.run([model.labels.name], feeds(part))[0]) for part in _parts(matrix)]
    labels: list[Label] = np.concatenate(parts).tolist()
    return labels


def _parts(matrix: FloatMatrix) -> list[FloatMatrix]:
    return [np.ascontiguousarray(matrix[at : at + PROBE_ROWS]) for at in range(0, len(matrix), PROBE_ROWS)]


def _run(model: OnnxModel, output: str, feeds: Feeds, rows: FloatMatrix, where: str) -> NDArray[Any]:
    try:
        return np.asarray(model.session.run([output], feeds(rows))[0])
    except Exception as error:  # the runtime raises many kinds
        raise ModelError(
            f"the model fails on its training rows: {' '.join(str(error).split())[:300]}",
            where=where,
            cause="it was trained on other columns, types or nulls than the training data has",
            fix="give the very rows it was trained on",
        ) from error


def _check_probabilities(answers: FloatMatrix, where: str) -> None:
    off = (np.abs(answers.sum(axis=1) - 1) > _SUM_TOLERANCE) | (answers < -_SUM_TOLERANCE).any(axis=1)
    if off.any():
        raise ModelError(
            f"{int(off.sum())} of {len(answers)} rows get numbers that are no probabilities",
            where=where,
            cause="logits or votes, or several outputs of a regression",
            fix="end the model with a softmax; give one number a row for a regression",
        )


def _check_numbers(model: OnnxModel, target: Sequence[Label | None] | None, where: str) -> None:
    words = sorted({label_name(label) for label in target or () if isinstance(label, (str, bool))})
    if model.labels is not None or words:
        raise ModelError(
            "one number a row, where probabilities of classes are due",
            where=where,
            cause=f"the target holds labels ({', '.join(words[:5])})" if words else "the model gives labels, too",
            fix="give a probability for each class: two columns for two classes",
        )
