"""Steps compute what scikit-learn's own transformers do, row by row, and refuse what does not fit them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, RobustScaler, StandardScaler

from models.coding import object_matrix
from models.keyed.definitions import KeyedFeature, KeyedFeatures
from models.preprocessing.admitting import admitting
from models.preprocessing.clip import Clip
from models.preprocessing.computed import of_times
from models.preprocessing.declared import AnyStep, Preprocessing
from models.preprocessing.derive import Derive
from models.preprocessing.encode import OneHot, Ordinal
from models.preprocessing.fitting import fit
from models.preprocessing.impute import Impute
from models.preprocessing.layout import MOST_COLUMNS
from models.preprocessing.preparation import Preparation
from models.preprocessing.scale import Scale
from models.preprocessing.time_part import TimePart
from models.schema import UNSEEN, Feature, InputSchema, Kind, UnseenPolicy

NUMBERS = InputSchema((Feature("a", nullable=True), Feature("b", nullable=True)))
PLAN = Feature("plan", Kind.CATEGORY, nullable=True, categories=("free", "pro", "team"))
MIXED = InputSchema((Feature("age", nullable=True), Feature("member", Kind.BOOLEAN, nullable=True), PLAN))


def fitted(schema: InputSchema, rows: Any, *steps: AnyStep, columns: Sequence[str] = ()) -> Preparation:
    declared = Preprocessing(steps, tuple(columns))
    wider = admitting(schema, declared)
    return Preparation(wider, fit(declared, wider, np.array(rows, dtype=np.float64)))


def prepared(schema: InputSchema, rows: Any, *steps: AnyStep, columns: Sequence[str] = ()) -> np.ndarray:
    found = fitted(schema, rows, *steps, columns=columns)(np.array(rows, dtype=np.float64))
    assert not found.failures
    return found.matrix


def bits(matrix: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(matrix).view(np.uint64)


number = st.integers(-(1 << 20), 1 << 20).map(lambda whole: whole / 64)
number_rows = st.lists(st.tuples(number | st.just(math.nan), number | st.just(math.nan)), min_size=3, max_size=40).map(
    lambda rows: np.array([(0.5, -3.0), *rows, (7.0, 2.0)])
)


@settings(max_examples=100, deadline=None)
@given(rows=number_rows, strategy=st.sampled_from(["mean", "median", "most_frequent"]))
def test_impute_is_scikit_learns(rows: np.ndarray, strategy: Any) -> None:
    due = SimpleImputer(strategy=strategy).fit_transform(rows)
    assert np.allclose(prepared(NUMBERS, rows, Impute(("a", "b"), strategy)), due, rtol=1e-12, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(rows=number_rows, method=st.sampled_from(["standard", "min_max", "robust"]))
def test_scale_is_scikit_learns(rows: np.ndarray, method: Any) -> None:
    scaler = {"standard": StandardScaler(), "min_max": MinMaxScaler(), "robust": RobustScaler()}[method]
    due = scaler.fit_transform(rows)
    found = prepared(NUMBERS, rows, Scale(("a", "b"), method))
    # scikit-learn's min-max multiplies and adds: another rounding, of the size of the offset.
    offset = np.abs(getattr(scaler, "min_", np.zeros(2))).max()
    assert np.allclose(found, due, rtol=1e-12, atol=1e-12 * (1.0 + offset), equal_nan=True)


def test_a_column_without_spread_is_scaled_to_0() -> None:
    rows = np.full((1000, 2), [0.1, -1e9 / 3])
    assert np.std(rows[:, 0]) > 0, "rounding alone gives it one"
    for method in ("standard", "min_max", "robust"):
        assert np.abs(prepared(NUMBERS, rows, Scale(("a", "b"), method))).max() < 1e-6  # type: ignore[arg-type]


codes = st.lists(st.sampled_from([0.0, 1.0, 2.0, math.nan]), min_size=1, max_size=30).map(
    lambda held: np.array([0.0, 1.0, 2.0, math.nan, *held])[:, np.newaxis]
)


@settings(max_examples=50, deadline=None)
@given(rows=codes)
def test_encoders_are_scikit_learns(rows: np.ndarray) -> None:
    schema = InputSchema((PLAN,))
    words = object_matrix(schema, rows)
    one_hot = OneHotEncoder(sparse_output=False).fit(words)
    preparation = fitted(schema, rows, OneHot(("plan",), null="column"))
    assert np.array_equal(bits(preparation(rows).matrix), bits(one_hot.transform(words)))
    names = [name.replace("null", "None") for name in preparation.outputs.names]
    assert names == one_hot.get_feature_names_out(["plan"]).tolist()
    due = OrdinalEncoder(encoded_missing_value=-2).fit_transform(object_matrix(schema, rows, math.nan))
    assert np.array_equal(bits(prepared(schema, rows, Ordinal(("plan",), null=-2.0))), bits(due))


def test_unseen_and_null_have_the_place_that_is_declared_and_are_let_in_by_it() -> None:
    schema = InputSchema((msgspec.structs.replace(PLAN, nullable=False),))
    rows = np.array([[0.0], [1.0], [2.0], [UNSEEN], [math.nan]])
    seen = rows[:3]
    zeros = fitted(schema, seen, OneHot(("plan",), unseen="zeros", null="zeros"))
    assert zeros(rows).matrix.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert (zeros.inputs[0].nullable, zeros.inputs[0].unseen) == (True, UnseenPolicy.ACCEPT)
    own = fitted(schema, seen, OneHot(("plan",), unseen="column", null="column"))
    assert own(rows).matrix[3:].tolist() == [[0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
    assert own.outputs.names[3:] == ("plan_unseen", "plan_null")
    ordinal = fitted(
        schema, seen, Ordinal(("plan",), order=("team", "free", "pro"), unseen=-1, null=9, into=("level",))
    )
    assert ordinal(rows).matrix[:, 1].tolist() == [1, 2, 0, -1, 9]
    assert ordinal.outputs.names == ("plan", "level")
    strict = fitted(schema, seen, OneHot(("plan",)))
    assert (strict.inputs[0].nullable, strict.inputs[0].unseen) == (False, UnseenPolicy.REJECT)


def test_an_imputed_feature_may_be_null_in_events_though_training_had_none() -> None:
    schema = InputSchema((Feature("age"), msgspec.structs.replace(PLAN, nullable=False)))
    steps = (Impute(("age",), "mean"), Impute(("plan",), "most_frequent"), OneHot(("plan",), unseen="zeros"))
    preparation = fitted(schema, [[1.0, 0.0], [4.0, 2.0], [4.0, 2.0]], *steps)
    assert [feature.nullable for feature in preparation.inputs] == [True, True]
    assert preparation.inputs[1].unseen is UnseenPolicy.ACCEPT
    found = preparation(np.array([[math.nan, math.nan], [1.0, UNSEEN]])).matrix
    assert found.tolist() == [[3.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]]
    scaled_before = fitted(schema, [[1.0, 0.0], [4.0, 2.0]], Scale(("age",), "min_max"), Impute(("age",), "mean"))
    assert not scaled_before.inputs[0].nullable, "what is imputed is no feature any more"


def test_booleans_are_imputed_as_such_and_count_as_0_and_1() -> None:
    rows = np.array([[math.nan, 1.0, 0.0], [3.0, 1.0, 1.0], [5.0, math.nan, 2.0]])
    steps = (
        Impute(("member",), "most_frequent"),
        Impute(("age",), "constant", -1.0),
        Derive("product", ("age", "member"), "both"),
    )
    preparation = fitted(MIXED, rows, *steps, columns=("both", "member", "age"))
    assert preparation(rows).matrix.tolist() == [[-1, 1, -1], [3, 1, 3], [5, 1, 5]]
    assert [feature.kind for feature in preparation.outputs.features] == [Kind.NUMBER, Kind.BOOLEAN, Kind.NUMBER]


def test_formulas() -> None:
    rows = np.array([[6.0, 3.0], [0.0, 0.0], [5.0, 0.0], [math.nan, 0.0], [2.0, math.nan]])
    found = prepared(
        NUMBERS,
        rows,
        Derive("ratio", ("a", "b"), "r", when_zero=-7.0),
        Derive("ratio", ("a", "b"), "n"),
        Derive("difference", ("a", "b"), "d"),
        Derive("log1p", ("a",), "l"),
        Clip(("a",), low=1.0, high=5.5, into=("c",)),
        columns=("r", "n", "d", "l", "c"),
    )
    nan = math.nan
    due = [
        [2, 2, 3, math.log1p(6), 5.5],
        [-7, nan, 0, 0, 1],
        [-7, nan, 5, math.log1p(5), 5],
        [nan, nan, nan, nan, nan],
        [nan, nan, nan, math.log1p(2), 2],
    ]
    assert np.allclose(found, due, rtol=1e-15, equal_nan=True)


times = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda t: t.replace(tzinfo=UTC))  # noqa: DTZ001


@settings(max_examples=200, deadline=None)
@given(at=times)
def test_parts_of_the_events_own_time_are_those_of_the_calendar(at: datetime) -> None:
    ms = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    parts = ("hour", "weekday", "day", "month")
    steps = [TimePart(part, "@time", part) for part in parts]  # type: ignore[arg-type]
    steps += [TimePart(part, "@time", f"{part}_sine", "sine") for part in parts]  # type: ignore[arg-type]
    preparation = Preparation(InputSchema((Feature("x"),)), Preprocessing(tuple(steps)))
    assert preparation.outputs.names[0] == "x" and "@time" not in preparation.outputs.names
    found = preparation(preparation.inputs_of(np.zeros((1, 1)), of_times(np.array([ms])))).matrix[0].tolist()
    due = (at.hour, at.weekday(), at.day, at.month)
    assert found[1:5] == list(due)
    turns = ((at.hour, 24), (at.weekday(), 7), (at.day - 1, 31), (at.month - 1, 12))
    assert found[5:] == [math.sin(math.tau * place / count) for place, count in turns]


def test_a_row_without_an_answer_fails_alone_and_says_where() -> None:
    steps = (Derive("log", ("a",), "l"), Derive("product", ("l", "b"), "p"), TimePart("hour", "b", "h"))
    preparation = Preparation(NUMBERS, Preprocessing(steps))
    rows = np.array([[1.0, 1.0], [0.0, 1.0], [-2.0, 1.0], [math.nan, math.nan], [1e300, 1e300], [2.0, 1e18]])
    found = preparation(rows)
    assert found.failures == {
        1: "step 1 (derive) has no answer for column 'l'",
        2: "step 1 (derive) has no answer for column 'l'",
        4: "step 3 (time_part) has no answer for column 'h'",
        5: "step 3 (time_part) has no answer for column 'h'",
    }
    assert np.isfinite(found.matrix[0]).all()
    assert np.isnan(found.matrix[3]).all()


EVERYTHING = (
    Derive("log1p", ("age",), "log_age"),
    Impute(("age", "log_age"), "median"),
    Impute(("member", "plan"), "most_frequent"),
    Clip(("age",), low=-5.0, high=1e6),
    Scale(("age",), "robust"),
    Scale(("log_age",), "standard", into=("log_scaled",)),
    Derive("ratio", ("age", "log_age"), "ratio", when_zero=0.0),
    TimePart("hour", "@time", "hour", "cosine"),
    OneHot(("plan",), unseen="column", null="zeros"),
)
row = st.tuples(
    st.floats(-0.99, 1e6) | st.just(math.nan),
    st.sampled_from([0.0, 1.0, math.nan]),
    st.sampled_from([0.0, 1.0, 2.0, math.nan, UNSEEN]),
    st.integers(0, 1 << 41).map(float),
)


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(row, min_size=1, max_size=70), data=st.data())
def test_a_row_has_the_same_bits_wherever_it_stands(rows: list[tuple[float, ...]], data: st.DataObject) -> None:
    schema = admitting(MIXED, Preprocessing(EVERYTHING))
    learnt = np.array([[1.5, 0.0, 0.0, 0.0], [30.25, 1.0, 1.0, 9.0], [4.0, 1.0, 2.0, 7e9]])
    preparation = Preparation(schema, fit(Preprocessing(EVERYTHING), schema, learnt))
    matrix = np.array(rows)
    whole = bits(preparation(matrix).matrix)
    for index in range(len(rows)):
        assert np.array_equal(bits(preparation(matrix[index : index + 1]).matrix)[0], whole[index])
    begin = data.draw(st.integers(0, len(rows) - 1))
    assert np.array_equal(bits(preparation(np.asfortranarray(matrix[begin:])).matrix), whole[begin:])
    order = np.array(data.draw(st.permutations(range(len(rows)))))
    assert np.array_equal(bits(preparation(matrix[order]).matrix), whole[order])


@pytest.mark.parametrize(
    ("steps", "columns", "says"),
    [
        ([Scale(("agee",), "standard")], (), "step 1 (scale): no column 'agee'; there are age, member, plan"),
        ([Scale(("plan",), "standard")], (), "step 1 (scale): column 'plan' is a category, a number is due"),
        ([OneHot(("age",))], (), "step 1 (one_hot): column 'age' is a number, a category is due"),
        ([OneHot(("plan",))], (), "step 1 (one_hot): column 'plan' may be null"),
        ([Impute(("plan",), "mean")], (), "step 1 (impute): column 'plan' is a category, a mean is of numbers"),
        ([Impute(("plan",), "constant", "gold")], (), "'gold' is none"),
        ([Impute(("member",), "constant", 1.0)], (), "column 'member' is a boolean, 1.0 is none"),
        ([Ordinal(("plan",), order=("pro", "free"))], (), "the order of column 'plan' lacks 'team'"),
        ([Derive("log1p", ("age",), "member")], (), "step 1 (derive): there would be two columns 'member'"),
        ([Clip(("age", "age"), low=0.0)], (), "step 1 (clip): there would be two columns 'age'"),
        ([Clip(("age",), low=0.0, into=("x", "y"))], (), "names 2 columns to write and 1 to read"),
        ([OneHot(("plan",), null="zeros"), Clip(("plan",), low=0.0)], (), "step 2 (clip): no column 'plan'"),
        ([], ("age", "hour"), "columns: no column 'hour'"),
        ([Derive("log", ("age",), "l")], (), "no answer in column 'l' for 1 of 3 training rows, the first is row 2"),
        ([Scale(("@time",), "standard", ("t",))], (), "column '@time' has no value to learn from"),
    ],
)
def test_a_step_that_does_not_fit_is_refused_by_name(steps: list[AnyStep], columns: tuple[str, ...], says: str) -> None:
    rows = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [2.0, 1.0, math.nan]])
    if any("@time" in step.reads for step in steps):
        rows = np.column_stack([rows, np.full(3, math.nan)])
    with pytest.raises(ValueError) as refused:
        fitted(MIXED, rows, *steps, columns=columns)
    assert says in str(refused.value)


def test_an_accepted_unseen_category_needs_a_place() -> None:
    accepting = msgspec.structs.replace(PLAN, unseen=UnseenPolicy.ACCEPT, nullable=False)
    with pytest.raises(ValueError, match="say what becomes of them with unseen"):
        Preparation(InputSchema((accepting,)), Preprocessing((OneHot(("plan",)),)))


def test_a_computed_column_beside_the_features_is_prepared_like_one() -> None:
    keyed = KeyedFeatures((KeyedFeature("amounts in the last hour", "count", window_s=3600),))
    steps = (Scale(("amounts in the last hour",), "standard", centers=(10.0,), scales=(2.0,)),)
    preparation = Preparation(NUMBERS, Preprocessing(steps, keyed=keyed))
    assert preparation.outputs.names == ("a", "b", "amounts in the last hour")
    found = {"amounts in the last hour": np.array([10.0, 14.0]), **of_times(np.zeros(2, np.int64))}
    inputs = preparation.inputs_of(np.ones((2, 2)), found)
    assert preparation(inputs).matrix.tolist() == [[1, 1, 0], [1, 1, 2]]
    assert Preparation(NUMBERS, Preprocessing(keyed=keyed))(inputs).matrix is inputs


def test_steps_do_not_come_to_columns_without_end() -> None:
    many = msgspec.structs.replace(PLAN, categories=tuple(map(str, range(MOST_COLUMNS))), nullable=False)
    with pytest.raises(ValueError, match="10001 columns, 10000 are the most"):
        Preparation(InputSchema((Feature("a"), many)), Preprocessing((OneHot(("plan",)),)))


def test_an_unfitted_step_is_not_applied() -> None:
    with pytest.raises(ValueError, match=r"step 1 \(scale\): it was not fitted"):
        Preparation(NUMBERS, Preprocessing((Scale(("a",), "standard"),)))


def test_numbers_that_are_given_are_not_learnt_again() -> None:
    rows = np.array([[1.0, 2.0], [5.0, 4.0]])
    given_ = Scale(("a",), "standard", centers=(10.0,), scales=(2.0,))
    assert prepared(NUMBERS, rows, given_)[:, 0].tolist() == [-4.5, -2.5]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Impute(("a",), "mean", 1.0),
        lambda: Impute(("a",), "constant"),
        lambda: Impute(("a",), "constant", math.inf),
        lambda: Impute(("a", "b"), "mean", values=(1.0,)),
        lambda: Clip(("a",)),
        lambda: Clip(("a",), low=2.0, high=2.0),
        lambda: Scale(("a",), "standard", centers=(1.0,), scales=(0.0,)),
        lambda: Scale(("a",), "standard", centers=(1.0,)),
        lambda: Ordinal(("a", "b"), order=("x",)),
        lambda: Derive("ratio", ("a",), "r"),
        lambda: Derive("product", ("a", "b"), "r", when_zero=1.0),
    ],
)
def test_options_that_contradict_each_other_are_refused(make: Any) -> None:
    with pytest.raises(ValueError):
        make()


@settings(max_examples=50, deadline=None)
@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=2, max_size=2))
def test_numbers_come_back_to_the_bit(numbers: list[float]) -> None:
    steps = (
        Impute(("a", "b"), "mean", values=tuple(numbers)),
        Scale(("a",), "standard", centers=(numbers[0],), scales=(abs(numbers[1]) or 1.0,)),
        Impute(("m",), "most_frequent", values=(True,)),
        Impute(("p",), "constant", "pro"),
        *EVERYTHING[3:],
    )
    declared = Preprocessing(steps, ("a", "b"))
    assert msgspec.json.decode(msgspec.json.encode(declared), type=Preprocessing) == declared
    assert msgspec.toml.decode(b"", type=Preprocessing) == Preprocessing()
