"""A model whose answers reveal the features of each event's key, and what they must be by an offline computation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sklearn.linear_model import LinearRegression

from models.keyed.definitions import KeyedFeature, KeyedFeatures
from models.keyed.offline import keyed_columns
from models.loaded import LoadedModel
from models.prepared_training import prepare_training
from models.preprocessing.declared import Preprocessing
from models.preprocessing.impute import Impute
from models.schema import Feature, InputSchema
from streams.kafka.reading import Record
from streams.modelling import publish_estimator
from tests.faults.workload import FEATURES, MODEL

KEYED = KeyedFeatures(
    (
        KeyedFeature("count", "count"),
        KeyedFeature("count_2s", "count", window_s=2),
        KeyedFeature("rate_1s", "rate", window_s=1),
        KeyedFeature("sum", "sum", of=FEATURES[0]),
        KeyedFeature("mean_2s", "mean", of=FEATURES[1], window_s=2),
        KeyedFeature("variance", "variance", of=FEATURES[2]),
        KeyedFeature("greatest_2s", "max", of=FEATURES[0], window_s=2),
        KeyedFeature("since", "time_since_last"),
        KeyedFeature("fading", "ewma", of=FEATURES[3], half_life_s=1),
    ),
    ttl_s=2,
)
WEIGHTS = np.array([1.0, 0.1, 0.01, 0.5, 0.3, 0.7, 0.2, 0.9, 0.4])
"""Of the keyed features. Those of the readings stay 0, so that an answer tells of nothing else."""

NULLS = ("mean_2s", "variance", "greatest_2s", "since", "fading")


def publish_keyed_model(registry: Path) -> None:
    """A linear model of the keyed features, under the name that `tests.faults.workload` gives to its own."""
    rng = np.random.default_rng(1)
    schema = InputSchema(tuple(Feature(name) for name in FEATURES))
    rows = rng.normal(size=(4000, len(FEATURES)))
    times, keys = 1_700_000_000_000 + 5 * np.arange(4000), [b"%d" % key for key in rng.integers(0, 100, size=4000)]
    preprocessing = Preprocessing((Impute(NULLS, "constant", value=-1.0),), keyed=KEYED)
    prepared = prepare_training(preprocessing, schema, rows, times, keys=keys, where="workload").matrix
    estimator = LinearRegression(fit_intercept=False).fit(prepared, prepared[:, 0])
    estimator.coef_ = np.concatenate((np.zeros(len(FEATURES)), WEIGHTS))
    publish_estimator(registry, MODEL, estimator, schema, rows, times_ms=times, keys=keys, preprocessing=preprocessing)


def offline_answers(model: LoadedModel, events: Iterable[Record]) -> dict[tuple[int, int], float]:
    """By partition and offset, the answer to each valid event that repeats no other: all rows of a partition at once,
    with nothing of batches, states, snapshots and replays."""
    valid: dict[int, dict[str, tuple[Record, Any]]] = defaultdict(dict)
    for record in events:
        try:
            event = msgspec.json.decode(record.value or b"", type=_Event)
        except msgspec.DecodeError:
            continue
        valid[record.partition].setdefault(event.id, (record, event))
    return {place: answer for own in valid.values() for place, answer in _answers(model, list(own.values()))}


class _Event(msgspec.Struct):
    id: str
    time: int
    features: dict[str, float]


def _answers(model: LoadedModel, rows: list[tuple[Record, _Event]]) -> Iterable[tuple[tuple[int, int], float]]:
    steps = model.keyed
    assert steps is not None
    features = np.array([[event.features[name] for name in FEATURES] for _, event in rows])
    times = np.array([event.time for _, event in rows])
    columns = keyed_columns(steps, [record.key for record, _ in rows], times, features)
    computed = dict(zip((feature.name for feature in KEYED.features), columns.T, strict=True))
    prepared = model.preparation(model.preparation.inputs_of(features, computed)).matrix
    places = [(record.partition, record.offset) for record, _ in rows]
    return zip(places, [float(value) for value in model.predict(prepared).values], strict=True)  # type: ignore[arg-type]
