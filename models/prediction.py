"""What a model gives, for a whole batch of rows, and the protocol that the pipeline calls it through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

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


class Model(Protocol):
    """A loaded, checked model. `predict` is pure: same rows, same answer, safe to call again."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def schema(self) -> InputSchema: ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the columns of `Predictions.class_scores`; empty for a regressor."""
        ...

    @property
    def output_signals(self) -> tuple[Feature, ...]:
        """What drift watches of the answers: `score` and `class` of a classifier, `prediction` of a regressor."""
        ...

    def predict(self, matrix: FloatMatrix) -> Predictions:
        """Predict n rows (n x features, schema order, coded as models.schema says). May raise anything; the pipeline
        then bisects to the rows to blame. A non-finite score or value is rejected by the pipeline, row by row."""
        ...
