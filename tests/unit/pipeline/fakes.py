"""A model with one feature of each sort, values for it, and batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from models.prediction import FloatMatrix, Predictions
from models.preprocessing.preparation import Preparation
from models.schema import Feature, InputSchema, Kind, UnseenPolicy
from streams.feature_rows import FeatureRows
from streams.records import Headers, RecordBatch

NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z

SCHEMA = InputSchema(
    (
        Feature("age", minimum=0.0, maximum=150.0),
        Feature("monthly income/€", nullable=True),
        Feature("member", Kind.BOOLEAN),
        Feature("plan", Kind.CATEGORY, categories=("free", "pro")),
        Feature("city", Kind.CATEGORY, nullable=True, categories=("Oslo", "Zürich"), unseen=UnseenPolicy.ACCEPT),
    )
)
GOOD = {"age": 41, "monthly income/€": 5200.5, "member": True, "plan": "pro", "city": "Zürich"}


class ToyModel:
    """A binary classifier computed column by column, so that a row's bits depend on nothing but the row.

    `before` sees every matrix first and may raise; `after` may spoil the answer.
    """

    name, version, schema = "toy", "7", SCHEMA
    classes = ("no", "yes")
    output_signals = (Feature("score"), Feature("class", Kind.CATEGORY, categories=("no", "yes")))
    preparation = Preparation(SCHEMA)
    keyed = None

    def __init__(
        self,
        before: Callable[[FloatMatrix], None] = lambda _matrix: None,
        after: Callable[[FloatMatrix, Predictions], Predictions] = lambda _matrix, answer: answer,
    ) -> None:
        self._before, self._after = before, after
        self.calls: list[int] = []

    def predict(self, matrix: FloatMatrix) -> Predictions:
        self.calls.append(len(matrix))
        self._before(matrix)
        filled = np.nan_to_num(matrix, nan=-3.0)
        total = filled[:, 0] * 0.01
        for column in range(1, filled.shape[1]):
            total = total + filled[:, column] * (0.003 / (column + 1))
        score = 1.0 / (1.0 + np.exp(-np.sin(total)))
        chosen = (score >= 0.5).astype(np.float64)
        labels = ["yes" if one else "no" for one in chosen]
        by_class = np.column_stack((1.0 - score, score))
        return self._after(matrix, Predictions(labels, score.tolist(), by_class, np.column_stack((score, chosen))))


def unprepared(matrix: FloatMatrix) -> FeatureRows:
    """Rows for a model that takes features as they are."""
    return FeatureRows(matrix, {}, matrix)


def event(id_: object = "e-1", *, drop: str | None = None, features: object = None, **fields: object) -> bytes:
    """A good event, but for what is said."""
    body: dict[str, Any] = {"id": id_, "time": NOW - 5, "features": GOOD if features is None else features, **fields}
    if drop:
        del body[drop]
    return json.dumps(body, ensure_ascii=False).encode()


def with_feature(name: str, value: object, id_: str = "e-1") -> bytes:
    return event(id_, features={**GOOD, name: value})


def without_feature(name: str) -> bytes:
    return event(features={key: value for key, value in GOOD.items() if key != name})


def aged(age: float, id_: str) -> bytes:
    """A good event that a model can know by its age."""
    return with_feature("age", age, id_)


def batch_of(
    values: Sequence[bytes | None],
    *,
    partitions: Sequence[int] | None = None,
    offsets: Sequence[int] | None = None,
    keys: Sequence[bytes | None] | None = None,
    headers: Sequence[Headers | None] | None = None,
    first_offset: int = 0,
    replay: bool = False,
) -> RecordBatch:
    """Records of `events` stamped NOW, with offsets that rise in each partition."""
    owners = list(partitions or [0] * len(values))
    if offsets is None:
        following = dict.fromkeys(owners, first_offset)
        counted = []
        for owner in owners:
            counted.append(following[owner])
            following[owner] += 1
        offsets = counted
    return RecordBatch(
        "events",
        owners,
        list(offsets),
        list(keys or [f"k{i}".encode() for i in range(len(values))]),
        list(values),
        [NOW] * len(values),
        list(headers or [None] * len(values)),
        replay,
    )
