"""From a model's inputs to what its estimator takes: the declared steps, checked once and applied to batches.

The same code prepares training rows and events. A row's numbers depend on that row only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.preprocessing.computed import EVENT_TIME, Computed, computed_inputs, input_matrix
from models.preprocessing.declared import NO_PREPROCESSING, AnyStep, Preprocessing, step_name
from models.preprocessing.layout import Layout
from models.preprocessing.step import Transform, Vector
from models.schema import Feature, InputSchema


@dataclass(frozen=True, slots=True)
class Prepared:
    """`matrix`: n x the estimator's columns. `failures`: rows for which a step has no answer, and which step; what
    stands in the matrix for them means nothing."""

    matrix: NDArray[np.float64]
    failures: Mapping[int, str]

    @property
    def kept(self) -> list[int]:
        """The rows that did not fail."""
        return [row for row in range(len(self.matrix)) if row not in self.failures]


@dataclass(frozen=True, slots=True)
class _Move:
    """A step as it is applied."""

    label: str
    reads: tuple[str, ...]
    gives: tuple[str, ...]
    transform: Transform


class Preparation:
    """Fitted steps on a schema. `inputs` are the columns that it begins with, of which events do not bring `computed`;
    `outputs` those of the estimator."""

    def __init__(self, schema: InputSchema, preprocessing: Preprocessing = NO_PREPROCESSING) -> None:
        """Raises ValueError, naming the step, where a step does not fit the columns there are, or is not fitted."""
        self.keyed = preprocessing.keyed
        self.computed = computed_inputs(preprocessing)
        self.inputs = (*schema.features, *self.computed)
        self._moves: list[_Move] = []
        layout = Layout(self.inputs)
        for number, step in enumerate(preprocessing.steps, 1):
            with naming(number, step):
                read = layout.read(step.reads)
                given = step.gives(read)
                if not step.is_fitted:
                    raise ValueError("it was not fitted")
                layout = layout.after(given)
                names = tuple(each.feature.name for each in given)
                self._moves.append(_Move(step_label(number, step), step.reads, names, step.transform(read)))
        self.outputs = InputSchema(tuple(estimator_columns(layout, preprocessing)))
        self._changes_nothing = not self._moves and self.outputs.features == self.inputs

    def inputs_of(self, features: NDArray[np.float64], computed: Computed) -> NDArray[np.float64]:
        """n x inputs, from n x features as coded and the computed columns, of which there may be more than wanted."""
        return input_matrix(features, self.computed, computed)

    def __call__(self, inputs: NDArray[np.float64]) -> Prepared:
        """Prepare n rows (n x inputs)."""
        if self._changes_nothing:
            return Prepared(inputs, {})
        columns: dict[str, Vector] = dict(zip((each.name for each in self.inputs), inputs.T.copy(), strict=True))
        failures: dict[int, str] = {}
        with np.errstate(all="ignore"):
            for move in self._moves:
                found = move.transform([columns[name] for name in move.reads])
                columns.update(zip(move.gives, found, strict=True))
                for name, values in zip(move.gives, found, strict=True):
                    for row in np.flatnonzero(np.isinf(values)).tolist():
                        failures.setdefault(row, f"{move.label} has no answer for column {name!r}")
        matrix = np.empty((len(inputs), len(self.outputs.features)))
        for at, feature in enumerate(self.outputs.features):
            matrix[:, at] = columns[feature.name]
        return Prepared(matrix, failures)


def estimator_columns(layout: Layout, preprocessing: Preprocessing) -> list[Feature]:
    """What the estimator takes of the columns that are left. Raises ValueError."""
    # A feature of that name is one like any other.
    computed = {EVENT_TIME} & {each.name for each in computed_inputs(preprocessing)}
    names = preprocessing.columns or [name for name in layout.names if name not in computed]
    try:
        return layout.read(names)
    except ValueError as error:
        raise ValueError(f"columns: {error}") from error


def step_label(number: int, step: AnyStep) -> str:
    """As people count."""
    return f"step {number} ({step_name(step)})"


@contextmanager
def naming(number: int, step: AnyStep) -> Iterator[None]:
    """Say which step a ValueError is about."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{step_label(number, step)}: {error}") from error
