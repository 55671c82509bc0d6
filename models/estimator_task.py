"""What a fitted estimator answers: its task, its classes and the threshold it was tuned to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor

from models.calibration import Calibration
from models.errors import ModelError
from models.manifest import Clip, Output, Task, label_name
from models.prediction import Label
from models.schema import InputSchema


def feature_names(estimator: Any) -> list[str] | None:
    """The columns the estimator was fitted on, where it knows them by name."""
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def check_width(estimator: Any, schema: InputSchema, where: str) -> None:
    """Raises ModelError unless the schema has the columns, in number and by name, that the estimator was fitted on."""
    names = feature_names(estimator)
    width = getattr(estimator, "n_features_in_", len(schema.features))
    if width != len(schema.features) or (names is not None and names != list(schema.names)):
        raise ModelError(
            f"the estimator was fitted on {width} columns{' (' + ', '.join(names) + ')' if names else ''}, "
            f"the training data has {len(schema.features)} ({', '.join(schema.names)})",
            where=where,
            cause="the target, a time or an identifier is among the columns, preprocessing leaves others, or other "
            "training data was given",
            fix="name them with --target and --time, and give the columns in the order of fitting",
        )


def task_of(estimator: Any, where: str) -> tuple[Task, list[Label]]:
    """The task, and the classes in the estimator's order. Raises ModelError for what is no supervised estimator."""
    if is_regressor(estimator):
        return Task.REGRESSION, []
    if not is_classifier(estimator):
        raise ModelError(
            f"{type(estimator).__name__} is neither a classifier nor a regressor",
            where=where,
            cause="the file holds a transformer, a detector, a search result or no estimator at all",
            fix="save the fitted classifier or regressor (of a search: best_estimator_)",
        )
    if not hasattr(estimator, "predict_proba"):
        raise ModelError(
            f"{type(estimator).__name__} gives no probabilities",
            where=where,
            cause="no predict_proba, so there is no score to publish or to watch",
            fix="wrap it in sklearn.calibration.CalibratedClassifierCV and fit that",
        )
    classes = getattr(estimator, "classes_", None)
    listed = classes.tolist() if isinstance(classes, np.ndarray) and classes.ndim == 1 else []
    if len(listed) < 2 or not all(isinstance(label, (str, int, float)) for label in listed):
        raise ModelError(
            f"classes {listed or classes!r} cannot be published",
            where=where,
            cause="not fitted, one class only, several outputs, or labels that are no JSON values",
            fix="fit one output with two or more string, number or boolean labels",
        )
    return (Task.BINARY if len(listed) == 2 else Task.MULTICLASS), listed


def check_target(classes: Sequence[Label], target: Sequence[Label | None] | None, where: str) -> None:
    """Raises ModelError when the target column holds a label that the classifier does not know."""
    if target is None or not classes:
        return
    known, names = set(classes), {label_name(label) for label in classes}
    strange = {value for value in target if value is not None and value not in known and label_name(value) not in names}
    if strange:
        shown = ", ".join(sorted(map(repr, strange))[:5])
        raise ModelError(
            f"the target holds {shown}, the classifier knows {', '.join(sorted(names)[:10])}",
            where=where,
            cause="another column than the target was named, or the estimator was fitted on other labels",
            fix="name the column it was fitted on with --target",
        )


def tuned_threshold(estimator: Any) -> float | None:
    """The threshold of scikit-learn's own threshold classifiers, else None."""
    for name in ("best_threshold_", "threshold"):
        value = getattr(estimator, name, None)
        if isinstance(value, float):
            return float(value)  # may be numpy's
    return None


def make_output(
    task: Task,
    classes: Sequence[Label],
    labels: Mapping[str, Label],
    *,
    threshold: float | None,
    decimals: int | None,
    class_scores: bool,
    clip: Clip | None = None,
    calibration: Calibration | None = None,
    where: str,
) -> Output:
    """Raises ModelError for what does not fit the estimator."""
    strange = set(labels) - {label_name(label) for label in classes}
    try:
        if strange:
            raise ValueError(f"the label map names {', '.join(sorted(strange))}, no class of the estimator")
        return Output(
            task=task,
            labels=tuple(labels.get(label_name(label), label) for label in classes),
            threshold=threshold,
            decimals=decimals,
            class_scores=class_scores,
            clip=clip,
            calibration=calibration,
        )
    except ValueError as error:
        raise ModelError(
            str(error),
            where=where,
            cause="an output option that does not fit the estimator",
            fix=f"the task is {task}, its classes are {', '.join(map(label_name, classes)) or 'none'}",
        ) from error
