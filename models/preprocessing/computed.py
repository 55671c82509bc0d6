"""Columns that are computed for each event, beside the features that it brings. The one place that names them.

A model's *inputs* are the columns that its preprocessing begins with: the schema's features, then the computed columns
that it wants. Rules, drift and labels see the features alone.

* keyed features (`models.keyed`), from earlier events of the same key: wanted by a model that declares them.
* `EVENT_TIME`, the event's own time in ms since 1970-01-01T00:00Z: wanted by a model whose preprocessing reads it.

A further one is a name and a `Feature` among the `computed_inputs`, and a vector by that name among what
`streams.pipeline` is given or computes of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.preprocessing.declared import Preprocessing
from models.preprocessing.step import Vector
from models.schema import Feature

EVENT_TIME = "@time"

_EVENT_TIME = Feature(EVENT_TIME)

Computed: TypeAlias = Mapping[str, Vector]
"""Computed columns of n events, by name."""

NOTHING_COMPUTED: Computed = {}


def computed_inputs(preprocessing: Preprocessing) -> tuple[Feature, ...]:
    """The computed columns that a model begins with, in order: its keyed features, and the event's time if it is
    read."""
    read = {name for step in preprocessing.steps for name in step.reads} | set(preprocessing.columns)
    return (*preprocessing.keyed.columns, *((_EVENT_TIME,) if EVENT_TIME in read else ()))


def input_matrix(features: NDArray[np.float64], wanted: Sequence[Feature], computed: Computed) -> NDArray[np.float64]:
    """n x inputs, from n x features and the computed columns, of which there may be more than wanted."""
    if not wanted:
        return features
    return np.column_stack([features, *(computed[feature.name] for feature in wanted)])


def of_times(times_ms: NDArray[np.int64]) -> Computed:
    """What is computed of events from their times alone."""
    return {EVENT_TIME: times_ms.astype(np.float64)}
