"""Events through declared preprocessing: whom it fails for, what the model, its cache and what stands in for it see."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from models.fallback import Fallback
from models.loaded import LoadedModel
from models.manifest import Parity
from models.prepared_training import prepare_training
from models.preprocessing.declared import Preprocessing
from models.preprocessing.derive import Derive
from models.preprocessing.encode import OneHot
from models.preprocessing.impute import Impute
from models.preprocessing.scale import Scale
from models.preprocessing.time_part import TimePart
from models.registry import Registry
from models.schema import Feature, InputSchema, Kind
from streams.contracts import Reason, ServedBy, Stage
from streams.ladder.breaker import Breaker
from streams.ladder.building import can_stand_in, make_ladder
from streams.ladder.cache import AnswerCache
from streams.ladder.degradation import Degradation
from streams.ladder.ladder import Ladder
from streams.limits import Limits
from streams.modelling import publish_estimator
from streams.pipeline import Outcomes, Pipeline
from tests.unit.pipeline.fakes import NOW

SCHEMA = InputSchema((Feature("amount"), Feature("plan", Kind.CATEGORY, categories=("free", "pro"))))
ROWS = np.array([[1.0, 0.0], [10.0, 1.0], [100.0, 0.0], [1000.0, 1.0]])
TIMES = np.array([NOW + hour * 3_600_000 for hour in (0, 5, 11, 17)])

LOGARITHM = Preprocessing(
    (
        Derive("log", ("amount",), "log_amount"),
        OneHot(("plan",), unseen="zeros", null="zeros"),
        TimePart("hour", "@time", "hour"),
    ),
    ("log_amount", "plan_pro", "hour"),
)
SCALED = Preprocessing(
    (Impute(("plan",), "most_frequent"), OneHot(("plan",), unseen="zeros"), Scale(("amount",), "min_max"))
)


def publish(root: Path, preprocessing: Preprocessing, **options: object) -> LoadedModel:
    """A regression of the sum of its prepared columns."""
    rows = prepare_training(preprocessing, SCHEMA, ROWS, TIMES, where="here")
    line = LinearRegression().fit(rows.matrix, rows.matrix.sum(axis=1))
    line.coef_, line.intercept_ = np.ones(rows.matrix.shape[1]), 0.0
    version = publish_estimator(
        root,
        "line",
        line,
        SCHEMA,
        ROWS,
        times_ms=TIMES,
        preprocessing=preprocessing,
        **options,  # type: ignore[arg-type]
    )
    return Registry(root).load("line", version)


def event(id_: str, amount: float, plan: str | None = "pro", time: int | None = NOW) -> bytes:
    return json.dumps({"id": id_, "time": time, "features": {"amount": amount, "plan": plan}}).encode()


def run(pipeline: Pipeline, *events: bytes, stamp: int = NOW) -> Outcomes:
    return pipeline.run(list(events), [stamp] * len(events))


@pytest.fixture(scope="module")
def logarithm(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return publish(tmp_path_factory.mktemp("registry"), LOGARITHM)


def test_a_row_that_a_step_has_no_answer_for_is_rejected_alone(logarithm: LoadedModel) -> None:
    events = [event("a", 1.0), event("b", 0.0), b"{", event("d", -3.0), event("e", 10.0, "gold"), event("f", 1.0, None)]
    outcomes = run(Pipeline(logarithm, Limits()), *events)
    assert outcomes.rows == [0, 4, 5]
    assert outcomes.event_ids == ["a", "e", "f"]
    assert outcomes.predictions.values == pytest.approx([1.0, np.log(10.0), 0.0], abs=1e-15)
    assert outcomes.matrix[:, 0].tolist() == [1.0, 10.0, 1.0], "drift sees the features as they came"
    rejected = {each.row: (each.stage, each.reason, each.error, each.time_ms) for each in outcomes.rejections}
    no_answer = "step 1 (derive) has no answer for column 'log_amount'"
    assert rejected.pop(2)[1] is Reason.JSON
    assert rejected == dict.fromkeys((1, 3), (Stage.PREPROCESS, Reason.PREPROCESS, no_answer, NOW))


def test_a_batch_of_bad_rows_is_rejected_without_asking_the_model(logarithm: LoadedModel) -> None:
    outcomes = run(Pipeline(logarithm, Limits()), event("a", 0.0), event("b", -1.0))
    assert (outcomes.rows, len(outcomes.predictions.values), len(outcomes.rejections)) == ([], 0, 2)
    assert outcomes.matrix.shape == (0, 2)


def test_the_events_own_time_is_prepared_or_else_its_records(logarithm: LoadedModel) -> None:
    at_seven, at_nine = NOW + 7 * 3_600_000, NOW + 9 * 3_600_000
    pipeline = Pipeline(logarithm, Limits())
    events = [event("a", 1.0, "free", at_seven), event("b", 1.0, "free", None)]
    outcomes = run(pipeline, *events, stamp=at_nine)
    assert outcomes.predictions.values == [7.0, 9.0]


@settings(max_examples=100, deadline=None)
@given(amounts=st.lists(st.floats(-5.0, 1e9), min_size=1, max_size=40), shift=st.integers(0, 39))
def test_answers_have_the_same_bits_in_every_batch(logarithm: LoadedModel, amounts: list[float], shift: int) -> None:
    pipeline = Pipeline(logarithm, Limits())
    events = [event(f"e{number}", amount) for number, amount in enumerate(amounts)]
    whole = run(pipeline, *events)
    found = dict(zip(whole.event_ids, whole.predictions.values, strict=True))
    assert sorted([*whole.rows, *(each.row for each in whole.rejections)]) == list(range(len(events)))
    part = run(pipeline, *events[shift % len(events) :])
    assert dict(zip(part.event_ids, part.predictions.values, strict=True)).items() <= found.items()
    alone = [run(pipeline, each) for each in events]
    assert {one.event_ids[0]: one.predictions.values[0] for one in alone if one.rows} == found


class Broken:
    """Raises, for as long as it is."""

    def __init__(self, model: LoadedModel) -> None:
        self.is_broken = True
        self.model = LoadedModel(model.manifest, self._raw, model.reference)
        self._own = model.predict_raw
        self.seen: list[np.ndarray] = []

    def _raw(self, matrix: np.ndarray) -> np.ndarray:
        if self.is_broken:
            raise RuntimeError("broken")
        self.seen.append(matrix)
        return self._own(matrix)


def ladder_of(model: LoadedModel, previous: LoadedModel | None, cache: AnswerCache | None = None) -> Ladder:
    return make_ladder(model, model.manifest, previous=previous, clock=lambda: 0.0, breaker=Breaker(), cache=cache)


def test_the_previous_version_prepares_rows_in_its_own_way_and_rules_see_features(tmp_path: Path) -> None:
    first = publish(tmp_path, LOGARITHM)
    second = publish(tmp_path, SCALED, fallback=Fallback(previous=True, rule="amount * 2"))
    assert can_stand_in(first.manifest, second.manifest)
    broken = Broken(second)
    pipeline = Pipeline(broken.model, Limits(), answer=ladder_of(broken.model, first))
    outcomes = run(pipeline, event("a", 1.0), event("b", -4.0), event("c", 1.0, "free", NOW + 60_000))
    assert outcomes.predictions.values == pytest.approx([1.0, -8.0, 0.0], abs=1e-15)
    previous = Degradation(ServedBy.PREVIOUS, "1", Reason.MODEL_ERROR)
    assert outcomes.degraded == {0: previous, 1: Degradation(ServedBy.RULE, "2", Reason.MODEL_ERROR), 2: previous}


def test_the_cache_knows_rows_by_what_was_prepared_of_them(tmp_path: Path) -> None:
    declared = msgspec.structs.replace(LOGARITHM, columns=("plan_pro", "hour"))
    broken = Broken(publish(tmp_path, declared, fallback=Fallback(cache=True)))
    broken.is_broken = False
    pipeline = Pipeline(broken.model, Limits(), answer=ladder_of(broken.model, None))
    run(pipeline, event("a", 1.0), event("b", 1.0, "free"))
    outcomes = run(pipeline, event("c", 17.0, "pro", NOW + 60_000), event("d", 17.0, "pro", NOW - 3_600_000))
    assert outcomes.cache is not None
    assert (outcomes.cache.lookups, outcomes.cache.hits) == (2, 1), "another amount and time, but the same hour"
    assert outcomes.predictions.values == [1.0, 24.0], "plan_pro and the hour: 1 + 0, and 1 + 23"


def test_the_cache_stands_in_for_rows_of_which_the_same_is_prepared(tmp_path: Path) -> None:
    declared = msgspec.structs.replace(LOGARITHM, columns=("plan_pro", "hour"))
    model = publish(tmp_path, declared, fallback=Fallback(cache=True))
    # Where answers depend on the batch, the cache only stands in.
    manifest = msgspec.structs.replace(model.manifest, parity=Parity.TOLERANCE)
    broken = Broken(LoadedModel(manifest, model.predict_raw, model.reference))
    pipeline = Pipeline(broken.model, Limits(), answer=ladder_of(broken.model, None))
    broken.is_broken = False
    run(pipeline, event("a", 1.0, "free"))
    broken.is_broken = True
    outcomes = run(pipeline, event("b", 99.0, "free"), event("c", 1.0, "free", NOW - 3_600_000))
    assert (outcomes.rows, outcomes.predictions.values) == ([0], [0.0])
    assert outcomes.degraded[0].served_by is ServedBy.CACHE


def test_what_is_declared_for_nulls_and_unseen_categories_lets_them_in(tmp_path: Path) -> None:
    model = publish(tmp_path, SCALED)
    assert model.schema.features[1].nullable
    outcomes = run(Pipeline(model, Limits()), event("a", 1.0, None), event("b", 1.0, "gold"))
    assert outcomes.predictions.values == [1.0, 0.0]
    strict = publish(tmp_path, Preprocessing((OneHot(("plan",)),)))
    outcomes = run(Pipeline(strict, Limits()), event("a", 1.0, None), event("b", 1.0, "gold"))
    assert [each.reason for each in outcomes.rejections] == [Reason.FEATURE_NULL, Reason.CATEGORY_UNKNOWN]
