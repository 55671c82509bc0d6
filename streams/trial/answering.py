"""A model's answers to rows, by way of the pipeline that answers events: what it refuses, drift does not see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from drift.scenarios import Rows
from streams.pipeline import Pipeline
from streams.trial.events import EventEncoder
from streams.trial.watching import ROWS_AT_ONCE, WatchedRows


@dataclass(frozen=True, slots=True)
class Answered:
    """The answered rows, with the model's output signals right of the features, and how many would have become dead
    letters, by reason."""

    rows: WatchedRows
    rejected: Mapping[str, int]


def answer(pipeline: Pipeline, rows: Rows) -> Answered:
    """Send rows through the pipeline as events; their times are those of their records, too."""
    taken = {category for feature in pipeline.model.schema.features for category in feature.categories}
    encoder = EventEncoder(rows.specs, taken)
    matrices, times, numbers, rejected = [], [], [], Counter[str]()
    for begin in range(0, len(rows), ROWS_AT_ONCE):
        stamps = rows.times_ms[begin : begin + ROWS_AT_ONCE].tolist()
        ids = (f"row-{number}" for number in range(begin, begin + len(stamps)))
        outcomes = pipeline.run(list(encoder.events(ids, stamps, rows.matrix[begin : begin + len(stamps)])), stamps)
        matrices.append(np.hstack((outcomes.matrix, outcomes.predictions.outputs)))
        times.append(outcomes.times_ms)
        numbers.append(np.array(outcomes.rows, dtype=np.int64) + begin)
        rejected.update(str(rejection.reason) for rejection in outcomes.rejections)
    answered = WatchedRows(np.concatenate(matrices), np.concatenate(times), np.concatenate(numbers))
    return Answered(answered, dict(sorted(rejected.items())))
