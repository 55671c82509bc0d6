"""Keyed features of rows at rest: what serving would have computed, had they come as events in the order of time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.keyed.steps import Key, KeyedSteps, KeyState


def keyed_columns(
    steps: KeyedSteps, keys: Sequence[bytes | None], times_ms: NDArray[np.int64], matrix: NDArray[np.float64]
) -> NDArray[np.float64]:
    """n x keyed features for n rows (n x features, coded) with their Kafka keys; of equal times the row that stands
    first is first. Every key is kept: see the cap of keys in `streams.keyed`."""
    columns = np.empty((len(matrix), steps.width))
    all_keys, inputs, times = steps.keys(keys, matrix), steps.inputs(matrix), times_ms.tolist()
    known: dict[Key, KeyState] = {}
    for row in np.argsort(times_ms, kind="stable").tolist():
        values = steps.nothing_known()
        for key in all_keys[row]:
            known[key] = steps.step(key, known.get(key), times[row], inputs[row], values)
        columns[row] = values
    return columns
