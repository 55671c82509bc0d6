"""What preprocessing lets in, and what it calls the event's time, before an estimator is asked about it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from models.declared_output import HeldOut
from models.errors import ModelError
from models.prepared_training import prepare_held_out, prepare_training
from models.preprocessing.admitting import admitting
from models.preprocessing.clip import Clip
from models.preprocessing.declared import AnyStep, Preprocessing
from models.preprocessing.derive import Derive
from models.preprocessing.encode import OneHot, Ordinal
from models.preprocessing.impute import Impute
from models.preprocessing.preparation import Preparation
from models.preprocessing.scale import Scale
from models.preprocessing.time_part import TimePart
from models.registry import Registry
from models.schema import UNSEEN, Feature, InputSchema, Kind, UnseenPolicy
from streams.modelling import publish_estimator
from tests.unit.models.building import publish

INCOME, PLAN = Feature("income"), Feature("plan", Kind.CATEGORY, categories=("free", "pro"))
SCHEMA = InputSchema((INCOME, PLAN))
ROWS = np.array([[1.0, 0.0], [10.0, 1.0], [100.0, 0.0], [1000.0, 1.0]])
START, HOUR = 1_767_225_600_000, 3_600_000

FILLED = Impute(("income",), "median", into=("filled",))
LOG_THEN_FILL = (Derive("log1p", ("income",), "log_income"), Impute(("income",), "median"))
LEVEL = Ordinal(("plan",), unseen=-1, null=-2, into=("level",))


@pytest.mark.parametrize(
    ("steps", "exposed"),
    [((FILLED,), "income"), (LOG_THEN_FILL, "log_income"), ((LEVEL,), "plan")],
    ids=["beside what is filled", "read before it is filled", "beside what is encoded"],
)
def test_what_is_let_in_may_not_reach_the_estimator_past_its_place(steps: tuple[AnyStep, ...], exposed: str) -> None:
    with pytest.raises(ModelError) as refused:
        prepare_training(Preprocessing(steps), SCHEMA, ROWS, None, where="here")
    assert refused.value.what.endswith(f"would reach the estimator: {exposed}")


def test_columns_chosen_without_it_are_taken_and_so_is_a_null_that_training_had() -> None:
    chosen = prepare_training(Preprocessing((FILLED,), ("filled", "plan")), SCHEMA, ROWS, None, where="here")
    assert chosen.schema.features[0].nullable
    assert not any(feature.nullable for feature in chosen.preparation.outputs.features)
    nulls = InputSchema((Feature("income", nullable=True), PLAN))
    rows = np.vstack([ROWS, [math.nan, 1.0]])
    for steps in ((FILLED,), LOG_THEN_FILL):
        found = prepare_training(Preprocessing(steps), nulls, rows, None, where="here")
        assert [each.nullable for each in found.preparation.outputs.features].count(True) == 1


def test_a_feature_is_let_in_for_as_long_as_no_step_has_changed_it() -> None:
    beside, in_place = Scale(("income",), "standard", into=("scaled",)), Scale(("income",), "standard")
    fill = Impute(("income",), "median")
    assert admitting(SCHEMA, Preprocessing((beside, fill))).features[0].nullable
    assert admitting(SCHEMA, Preprocessing((fill, in_place))).features[0].nullable
    assert not admitting(SCHEMA, Preprocessing((in_place, fill))).features[0].nullable
    encoded = OneHot(("plan",), unseen="zeros", null="column")
    unseen_beside = Ordinal(("plan",), unseen=-1, into=("level",))
    plan = admitting(SCHEMA, Preprocessing((unseen_beside, encoded))).features[1]
    assert (plan.nullable, plan.unseen) == (True, UnseenPolicy.ACCEPT)
    filled = Preprocessing((Impute(("plan",), "most_frequent"), OneHot(("plan",), unseen="zeros")))
    assert admitting(SCHEMA, filled).features[1].unseen is UnseenPolicy.ACCEPT
    assert admitting(SCHEMA, Preprocessing((OneHot(("plan",)),))) == SCHEMA


def test_an_order_names_categories_of_training_only() -> None:
    order = Ordinal(("plan",), ("free", "basic", "pro"), unseen=-1)
    with pytest.raises(ModelError, match="order of column 'plan' has 'basic', which no training row has"):
        prepare_training(Preprocessing((order,)), SCHEMA, ROWS, None, where="here")


def test_the_most_frequent_category_is_one_that_is_known() -> None:
    schema = InputSchema((Feature("plan", Kind.CATEGORY, True, categories=("a", "b"), unseen=UnseenPolicy.ACCEPT),))
    rows = np.array([[UNSEEN], [UNSEEN], [UNSEEN], [0.0], [0.0], [1.0], [math.nan]])
    steps = (Impute(("plan",), "most_frequent"), OneHot(("plan",), unseen="zeros"))
    assert prepare_training(Preprocessing(steps), schema, rows, None, where="here").matrix[-1].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    "step",
    [
        Clip(("@time",), low=1),
        Scale(("@time",), "standard"),
        Impute(("@time",), "mean"),
        Derive("log1p", ("income",), "@time"),
        TimePart("hour", "income", "@time"),
    ],
)
def test_no_step_writes_the_events_time(step: AnyStep) -> None:
    times = np.arange(4) * HOUR + START
    with pytest.raises(ModelError, match=r"step 1 .* would write '@time', the event's own time: name another column"):
        prepare_training(Preprocessing((step,), ("@time", "income")), SCHEMA, ROWS, times, where="here")


def test_a_feature_named_as_the_events_time_is_one_like_any_other() -> None:
    schema = InputSchema((Feature("@time"), Feature("a")))
    assert Preparation(schema).outputs == schema
    rows = np.array([[1.0, 2.0], [3.0, 5.0]])
    training = prepare_training(Preprocessing(), schema, rows, None, where="here")
    assert training.matrix.tolist() == rows.tolist()
    assert prepare_held_out(HeldOut(rows, ["x", "y"]), training).matrix.tolist() == rows.tolist()
    with pytest.raises(ModelError, match="a feature is named '@time', as the event's own time is"):
        prepare_training(Preprocessing((Clip(("a",), low=1),)), schema, rows, None, where="here")


def test_an_estimator_that_takes_the_events_time_is_asked_in_tiles(tmp_path: Path) -> None:
    """It is described, before preprocessing is put in front of it, by a schema with a feature of that name."""
    rows = np.random.default_rng(1).normal(size=(3001, 3))
    line = LinearRegression().fit(rows, rows.sum(axis=1))
    prepared = InputSchema((Feature("@time"), Feature("a"), Feature("b")))
    published = publish(tmp_path, "line", line, rows, schema=prepared, tile_rows=64)
    assert published.tile_rows == 64
    found = Registry(tmp_path).load("line").predict_raw(rows[:5])
    assert found.ravel() == pytest.approx(line.predict(rows[:5]), rel=1e-9)


@pytest.mark.parametrize(
    ("rows", "times", "keys", "says"),
    [
        (ROWS[:, :1], None, None, "training rows are 4 x 1, n x 2 are due"),
        (ROWS[:, 0], None, None, "training rows are 4, n x 2 are due"),
        (ROWS, np.arange(3), None, "3 times_ms for 4 training rows"),
        (ROWS, None, [b"k"], "1 keys for 4 training rows"),
    ],
)
def test_rows_of_another_shape_are_told(
    rows: np.ndarray, times: np.ndarray | None, keys: list[bytes | None] | None, says: str
) -> None:
    with pytest.raises(ModelError) as refused:
        prepare_training(Preprocessing((FILLED,)), SCHEMA, rows, times, keys=keys, where="here")
    assert refused.value.what == says


def test_held_out_rows_that_fail_are_left_out_and_counted_beside_those_refused() -> None:
    steps = Preprocessing((Derive("log", ("income",), "log_income"), OneHot(("plan",))))
    training = prepare_training(steps, SCHEMA, ROWS, None, where="here")
    rows = np.array([[-1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [math.e, 0.0]])
    found = prepare_held_out(HeldOut(rows, ["w", "x", "y", "z"], refused=3), training)
    assert (found.matrix[:, -1].tolist(), found.target, found.refused) == ([0.0, 1.0], ["x", "z"], 5)
    hours = Preprocessing((TimePart("hour", "@time", "hour"), OneHot(("plan",))))
    timed = prepare_training(hours, SCHEMA, ROWS, np.arange(4) * HOUR, where="here")
    with pytest.raises(ModelError, match="these rows have none"):
        prepare_held_out(HeldOut(rows, ["w", "x", "y", "z"]), timed)


def test_a_calibration_is_fitted_on_held_out_rows_as_the_estimator_takes_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    schema = InputSchema((Feature("age"), Feature("x")))
    rows, held = rng.normal(40, 9, (300, 2)), rng.normal(40, 9, (200, 2))
    labels, true = (["a" if row[0] + rng.normal(0, 5) > 40 else "b" for row in each] for each in (rows, held))
    steps = Preprocessing((Scale(("age",), "standard"),))
    training = prepare_training(steps, schema, rows, None, where="here")
    estimator = LogisticRegression().fit(training.matrix, labels)
    publish_estimator(
        tmp_path,
        "raw",
        estimator,
        schema,
        rows,
        preprocessing=steps,
        calibration="sigmoid",
        held_out=HeldOut(held, true),
    )
    ready = HeldOut(training.preparation(held).matrix, true)
    publish_estimator(tmp_path, "ready", estimator, schema, training.matrix, calibration="sigmoid", held_out=ready)
    raw, due = (Registry(tmp_path).load(name).manifest.output for name in ("raw", "ready"))
    assert raw.calibration is not None
    assert raw == due
