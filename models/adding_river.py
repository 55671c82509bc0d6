"""From a declared online model and training rows to a version: it learns them in their order, each after its answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from models.answers import to_predictions
from models.declared_output import NOTHING_DECLARED, DeclaredOutput, HeldOut
from models.declaring import output_of
from models.describing import Answering, Candidate, check_answers, describe
from models.errors import ModelError
from models.manifest import Output, Task, label_name
from models.online.declaration import OnlineDeclaration
from models.online.design import column_names, design
from models.online.learner import OnlineLearner
from models.online.parameters import Parameters, encode_parameters
from models.prediction import FloatMatrix, Label
from models.runtime_river import ask
from models.schema import InputSchema


def make_river_candidate(
    declaration: OnlineDeclaration,
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
    """Learn the training rows (n x features, coded; rows without a label are left out) and describe what came of it.
    Raises ModelError."""
    classes = _classes(target, where)
    places = {label_name(label): place for place, label in enumerate(classes)}
    try:
        learner = OnlineLearner(declaration.untrained(column_names(schema), len(classes)))
    except ValueError as error:
        raise ModelError(
            str(error),
            where=where,
            cause=f"the target has the labels {', '.join(list(places)[:5])}",
            fix='declare model = "gaussian_nb", or give a target of two labels',
        ) from error
    due = [places.get(label_name(label), -1) if label is not None else -1 for label in target or ()]
    answers = np.array(list(_answered_then_learned(learner, design(schema, matrix), due)))
    parameters = _finished(learner, where)
    raw = ask(parameters, schema)
    check_answers(raw, matrix, len(classes), where)
    task = Task.BINARY if len(classes) == 2 else Task.MULTICLASS
    output, fit = output_of(declared, held_out, task, classes, raw, tuned=None, where=where)
    answering = Answering(runtime="river", data=encode_parameters(parameters), raw=raw)
    candidate = describe(answering, schema, output, matrix, name=name, created=created, where=where, fit=fit)
    return replace(candidate, prequential=_share_right(output, answers, np.array(due)))


def freeze_candidate(
    parameters: Parameters, schema: InputSchema, output: Output, matrix: FloatMatrix, *, name: str, created: str
) -> Candidate:
    """What a learner knows as a model to publish, tried on rows that it saw (n x features). Raises ModelError."""
    where = f"the learner of {name}"
    raw = ask(parameters, schema)
    check_answers(raw, matrix, len(output.labels), where)
    answering = Answering(runtime="river", data=encode_parameters(parameters), raw=raw)
    return describe(answering, schema, output, matrix, name=name, created=created, where=where)


def _answered_then_learned(learner: OnlineLearner, rows: FloatMatrix, places: Sequence[int]) -> Iterator[list[float]]:
    for row, place in zip(rows, places, strict=True):
        yield learner.predict(row)
        if place >= 0:
            learner.learn(row, place)


def _share_right(output: Output, answers: FloatMatrix, places: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
    """Of the rows with a label, by the answers that were given before each was learnt (Dawid, 1984)."""
    chosen = to_predictions(output, answers).outputs[:, 1]
    known = places >= 0
    return float((chosen[known] == places[known]).mean())


def _classes(target: Sequence[Label | None] | None, where: str) -> list[Label]:
    if target is None:
        raise ModelError(
            "an online model has nothing to learn from",
            where=where,
            cause="no column of the training data was named as the target",
            fix="name it with --target",
        )
    found = {label_name(label): label for label in target if label is not None}
    numeric = all(isinstance(label, (int, float)) and not isinstance(label, bool) for label in found.values())
    classes = [found[name] for name in sorted(found, key=lambda name: (found[name] if numeric else 0, name))]
    if not 2 <= len(classes) <= 1000:
        raise ModelError(
            f"the target has {len(classes)} different labels",
            where=where,
            cause="a number to be estimated, one class only, or another column than the target",
            fix="name a column with two labels or more, such as words, whole numbers or truth values",
        )
    return classes


def _finished(learner: OnlineLearner, where: str) -> Parameters:
    try:
        return learner.parameters()
    except ValueError as error:
        raise ModelError(
            f"learning left the range of numbers: {error}",
            where=where,
            cause="a learning rate that is too large, or columns that are not scaled",
            fix='declare a smaller learning_rate, and scaler = "standard"',
        ) from error
