"""Learning what steps need to know from training rows: each step from what the ones before it made of them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.preprocessing.computed import EVENT_TIME, computed_inputs
from models.preprocessing.declared import AnyStep, Preprocessing
from models.preprocessing.layout import Layout
from models.preprocessing.preparation import estimator_columns, naming
from models.preprocessing.step import Given, Vector
from models.schema import InputSchema


def fit(preprocessing: Preprocessing, schema: InputSchema, inputs: NDArray[np.float64]) -> Preprocessing:
    """The preprocessing with its learnt numbers, and its columns by name. `inputs` are n training rows (n x inputs).

    Raises ValueError, naming the step, where a step does not fit, cannot be learnt or has no answer for a row.
    """
    if EVENT_TIME in (*schema.names, *(feature.name for feature in preprocessing.keyed.features)):
        raise ValueError(f"a feature is named {EVENT_TIME!r}, as the event's own time is: give it another name")
    layout = Layout((*schema.features, *computed_inputs(preprocessing)))
    columns: dict[str, Vector] = dict(zip(layout.names, inputs.T.copy(), strict=True))
    steps: list[AnyStep] = []
    with np.errstate(all="ignore"):
        for number, declared in enumerate(preprocessing.steps, 1):
            with naming(number, declared):
                read = layout.read(declared.reads)
                _require_other_names(declared.gives(read))
                values = [columns[feature.name] for feature in read]
                step = declared.fit(read, values)
                given = step.gives(read)
                layout = layout.after(given)
                found = step.transform(read)(values)
                for each, column in zip(given, found, strict=True):
                    _require_answers(each.feature.name, column)
                    columns[each.feature.name] = column
                steps.append(step)
    names = tuple(feature.name for feature in estimator_columns(layout, preprocessing))
    return msgspec.structs.replace(preprocessing, steps=tuple(steps), columns=names)


def _require_other_names(given: Sequence[Given]) -> None:
    if any(each.feature.name == EVENT_TIME for each in given):
        raise ValueError(f"it would write {EVENT_TIME!r}, the event's own time: name another column with into")


def _require_answers(name: str, column: Vector) -> None:
    failing = np.flatnonzero(np.isinf(column))
    if len(failing):
        raise ValueError(
            f"it has no answer in column {name!r} for {len(failing)} of {len(column)} training rows, "
            f"the first is row {int(failing[0]) + 1}"
        )
