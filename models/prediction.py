"""What a model gives, for a whole batch of rows, and the protocol that the pipeline calls it through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.keyed.steps import KeyedSteps
from models.preprocessing.preparation import Preparation
from models.schema import Feature, InputSchema

FloatMatrix: TypeAlias = NDArray[np.float64]
Label: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Predictions:
    """Answers for n rows.

    `values`: n JSON-ready predictions (labels of a classifier, numbers of a regressor).
    `scores`: n floats, or None: of a binary classifier the probability of the positive class, of another classifier
    that of the predicted class.
    `class_scores`: n x classes probabilities, only where the manifest asks for them to be published.
    `outputs`: n x k float64, the columns that drift watches, in the order of the model's `output_signals`.
    """

    values: list[Label]
    scores: list[float] | None
    class_scores: FloatMatrix | None
    outputs: FloatMatrix


class ModelRaised(Exception):
    """A model that runs in another process raised an exception of the class named `kind`; `str()` is its message."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class NoAnswer(Exception):
    """The model was asked and neither answered nor raised. `hopeless`: so often in a row that asking about parts of
    the same rows would only take time."""

    def __init__(self, text: str, *, hopeless: bool = False) -> None:
        super().__init__(text)
        self.hopeless = hopeless


class ModelDeadline(NoAnswer):
    """The model took longer than it may."""


class ModelProcessDied(NoAnswer):
    """The model's process ended, or could not be started again."""


class Model(Protocol):
    """A loaded, checked model. `predict` is pure: same rows, same answer, safe to call again."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def schema(self) -> InputSchema: ...

    @property
    def preparation(self) -> Preparation:
        """From coded features, and what is computed beside them, to the rows that `predict` takes."""
        ...

    @property
    def keyed(self) -> KeyedSteps | None:
        """How keyed features are computed beside the others, for a model that has some."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the columns of `Predictions.class_scores`; empty for a regressor."""
        ...

    @property
    def output_signals(self) -> tuple[Feature, ...]:
        """What drift watches of the answers: `score` and `class` of a classifier, `prediction` of a regressor."""
        ...

    def predict(self, matrix: FloatMatrix) -> Predictions:
        """Predict n rows (n x the estimator's columns, as `preparation` gives them). May raise anything; the pipeline
        then bisects to the rows to blame, or after a hopeless `NoAnswer` blames all that are left. A non-finite score
        or value is rejected by the pipeline, row by row."""
        ...
