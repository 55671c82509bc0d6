"""A model with keyed features behind the predict decider: the answers are those of the offline computation, whatever
the batches, restarts, redone decisions and failures of the model in between."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as replace_fields
from sklearn.linear_model import LinearRegression

from drift.profile import decode_profile
from drift.summary import Summariser
from models.keyed.definitions import KeyedFeature, KeyedFeatures
from models.keyed.offline import keyed_columns
from models.loaded import LoadedModel
from models.prepared_training import prepare_training
from models.preprocessing.declared import Preprocessing
from models.preprocessing.impute import Impute
from models.registry import Registry
from models.schema import Feature, InputSchema, Kind
from streams.addressing import Addressing
from streams.contracts import HEADER_MODEL
from streams.decide.predict import PredictDecider
from streams.decide.serving import PredictTopics, Serving, make_serving
from streams.decide.several import SeveralDecider
from streams.decider import AnswerRefused
from streams.ladder.building import can_stand_in
from streams.limits import Limits
from streams.modelling import publish_estimator
from streams.pipeline import Pipeline
from streams.records import BatchReport, Decision, Headers, RecordBatch
from tests.unit.pipeline.fakes import NOW, batch_of

SCHEMA = InputSchema((Feature("amount"), Feature("shop", Kind.CATEGORY, categories=("a", "b"))))
KEYED = KeyedFeatures(
    (
        KeyedFeature("count", "count"),
        KeyedFeature("mean", "mean", of="amount", window_s=60),
        KeyedFeature("since", "time_since_last"),
        KeyedFeature("of_shop", "count", by="shop"),
    ),
    ttl_s=120,
)
PREPROCESSING = Preprocessing(
    (Impute(("mean", "since"), "constant", value=-1.0),),
    columns=("amount", "count", "mean", "since", "of_shop"),
    keyed=KEYED,
)
WEIGHTS = np.array([0.0, 1.0, 1000.0, 0.001, 1_000_000.0])
"""Of the features and of the keyed features: every digit of an answer tells which one is wrong."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    rng, registry = np.random.default_rng(1), tmp_path_factory.mktemp("registry")
    rows = np.column_stack((rng.normal(size=600), rng.integers(0, 2, size=600)))
    times = NOW + np.cumsum(rng.integers(1, 5000, size=600))
    keys = [b"k%d" % key for key in rng.integers(0, 20, size=600)]
    prepared = prepare_training(PREPROCESSING, SCHEMA, rows, times, keys=keys, where="test").matrix
    estimator = LinearRegression(fit_intercept=False).fit(prepared, prepared @ WEIGHTS)
    estimator.coef_ = WEIGHTS
    publish_estimator(registry, "m", estimator, SCHEMA, rows, times_ms=times, keys=keys, preprocessing=PREPROCESSING)
    return Registry(registry).load("m")


class Refused(AnswerRefused):
    topic, why = "p", "too large"


def serving_of(model: LoadedModel) -> Serving:
    profile = decode_profile(model.reference)
    return make_serving(
        Pipeline(model, Limits()),
        PredictTopics(events="e", predictions="p", dead_letters="d", observations="o"),
        summariser=Summariser(profile, 1000),
        profile_id=profile.id,
        max_message_bytes=1_000_000,
    )


def decider_of(model: LoadedModel) -> PredictDecider:
    serving = serving_of(model)
    return PredictDecider(lambda: serving, dead_letters_topic="d", dedupe_window=100)


def event(number: int, key: int, amount: float, shop: str, id_: str | None = None) -> tuple[bytes, bytes]:
    value = {
        "id": id_ or f"e{number}",
        "time": NOW - 10**6 + 700 * number,
        "features": {"amount": amount, "shop": shop},
    }
    return b"k%d" % key, json.dumps(value).encode()


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 3), st.floats(-100, 100), st.sampled_from("ab"), st.integers(0, 4)),
        st.sampled_from([b"", b"no", None]),
    ),
    max_size=40,
)


def records_of(drawn: list[Any]) -> RecordBatch:
    """Some repeat the one before them."""
    keys, values = [], []
    for number, each in enumerate(drawn):
        if each is None or isinstance(each, bytes):
            key, value = b"k0", each
        else:
            repeats = values and each[3] == 0 and values[-1]
            key, value = (keys[-1], values[-1]) if repeats else event(number, *each[:3])
        keys.append(key)
        values.append(value)
    return batch_of(values, keys=keys, partitions=[(key or b"")[-1] % 2 for key in keys])


def offline(model: LoadedModel, batch: RecordBatch) -> dict[tuple[int, int], float]:
    """The answer to each first event of its id, by partition and offset."""
    found: dict[tuple[int, int], float] = {}
    for partition in set(batch.partitions):
        seen, rows, keys, times, places = set(), [], [], [], []
        for row, owner in enumerate(batch.partitions):
            value = batch.values[row]
            if owner != partition or value in (None, b"", b"no"):
                continue
            read = json.loads(value or b"")
            if read["id"] not in seen:
                seen.add(read["id"])
                rows.append([read["features"]["amount"], "ab".index(read["features"]["shop"])])
                keys.append(batch.keys[row])
                times.append(read["time"])
                places.append((partition, batch.offsets[row]))
        if rows:
            matrix, steps = np.array(rows), model.keyed
            assert steps is not None
            columns = keyed_columns(steps, keys, np.array(times), matrix)
            computed = dict(zip((each.name for each in KEYED.features), columns.T, strict=True))
            prepared = model.preparation(model.preparation.inputs_of(matrix, computed)).matrix
            found.update(zip(places, map(float, model.predict(prepared).values), strict=True))
    return found


def answers_of(decision: Decision) -> dict[tuple[int, int], float]:
    """Of those that repeat none."""
    read = [json.loads(record.value or b"") for record in decision.outbox if record.topic == "p"]
    return {
        (each["source"]["partition"], each["source"]["offset"]): each["prediction"]
        for each in read
        if "duplicate_of" not in each
    }


def part(batch: RecordBatch, begin: int, end: int, *, replay: bool = False) -> RecordBatch:
    return replace(batch._cut(begin, end), replay=replay)


@settings(deadline=None, max_examples=80)
@given(drawn=EVENTS, data=st.data())
def test_answers_are_those_of_the_offline_computation(
    model: LoadedModel, drawn: list[Any], data: st.DataObject
) -> None:
    batch, decider = records_of(drawn), decider_of(model)
    states = {partition: decider.load(partition, {}) for partition in (0, 1)}
    snapshot, at, position = {p: dict(state.dump()) for p, state in states.items()}, 0, 0
    found: dict[tuple[int, int], float] = {}
    while position < len(batch):
        do = data.draw(st.sampled_from(["go", "redo", "restart", "snapshot"]))
        if do == "snapshot":
            snapshot, at = {p: dict(state.dump()) for p, state in states.items()}, position
        elif do == "restart":
            decider = decider_of(model)
            states = {p: decider.load(p, entries) for p, entries in snapshot.items()}
            if at < position:
                again = part(batch, at, position, replay=True)
                decision = decider.decide(states, again, decider.prepare(again))
                assert not decision.outbox
                for partition, change in decision.changes.items():
                    states[partition].apply(change)
        end = min(len(batch), position + data.draw(st.integers(1, 12)))
        own = part(batch, position, end)
        decision = decider.decide(states, own, decider.prepare(own))
        if do == "redo":
            again_ = decider.decide(states, own, decider.prepare(own))
            assert again_.outbox == decision.outbox
            decision = again_
        for partition, change in decision.changes.items():
            states[partition].apply(change)
        found |= answers_of(decision)
        position = end
    assert found == offline(model, batch)


def test_a_model_that_fails_on_some_rows_changes_no_key(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = [(n % 2, float(n), "a", 1) for n in range(12)]
    batch = records_of(drawn)

    def failing(matrix: np.ndarray) -> np.ndarray:
        if (matrix[:, 0] == 4).any():
            raise ValueError("not this one")
        return model.predict_raw(matrix)

    sound, fails = decider_of(model), decider_of(LoadedModel(model.manifest, failing, model.reference))
    states = {p: fails.load(p, {}) for p in (0, 1)}
    decision = fails.decide(states, batch, fails.prepare(batch))
    expected = offline(model, batch)
    lost = (0, 2)
    assert answers_of(decision) == {place: value for place, value in expected.items() if place != lost}
    for partition, change in decision.changes.items():
        states[partition].apply(change)
    redriven = batch_of([batch.values[4]], keys=[batch.keys[4]], partitions=[0], first_offset=50)
    again = sound.decide(states, redriven, sound.prepare(redriven))
    assert len(answers_of(again)) == 1, "it was never answered, so it is no duplicate"
    for partition, change in again.changes.items():
        states[partition].apply(change)
    following = batch_of([event(20, 0, 1.0, "a")[1]], keys=[b"k0"], partitions=[0], first_offset=51)
    report = sound.decide(states, following, sound.prepare(following)).report
    (answer,) = answers_of(sound.decide(states, following, sound.prepare(following))).values()
    assert round(answer / 1_000_000) == 6, "events of the shop in this partition, each once"
    assert isinstance(report, BatchReport)
    assert report.keyed is not None
    assert report.keyed.keys == {0: 2}


def test_a_record_that_is_given_up_counts_as_on_a_replay(model: LoadedModel) -> None:
    batch, decider = records_of([(0, 1.0, "a", 1)] * 3), decider_of(model)
    given_up, replayed = ({0: decider.load(0, {})} for _ in range(2))
    for place in range(3):
        own = part(batch, place, place + 1)
        decision = decider.give_up(own, Refused() if place else ValueError("poison"))
        assert [record.topic for record in decision.outbox] == ["d", "o"]
        given_up[0].apply(decision.changes[0])
    again = part(batch, 0, 3, replay=True)
    replayed[0].apply(decider.decide(replayed, again, decider.prepare(again)).changes[0])
    following = batch_of([event(9, 0, 1.0, "a")[1]], keys=[b"k0"], first_offset=3)
    one, other = (decider.decide(states, following, decider.prepare(following)) for states in (given_up, replayed))
    assert answers_of(one) == answers_of(other)
    bad = batch_of([b"no"], first_offset=4)
    assert decider.give_up(bad, ValueError("poison")).changes == {}


def test_a_repeated_event_is_answered_by_what_is_known_then(model: LoadedModel) -> None:
    batch, decider = records_of([(0, 5.0, "a", 1)]), decider_of(model)
    twice = batch_of(batch.values * 2, keys=batch.keys * 2)
    states = {0: decider.load(0, {})}
    read = [
        json.loads(record.value or b"")
        for record in decider.decide(states, twice, decider.prepare(twice)).outbox
        if record.topic == "p"
    ]
    assert [round(each["prediction"] / 1_000_000) for each in read] == [0, 1]
    assert "duplicate_of" in read[1]


def test_of_several_models_each_has_keys_of_the_events_that_are_meant_for_it(model: LoadedModel) -> None:
    serving = serving_of(model)
    own, other = (
        PredictDecider(
            lambda: serving,
            dead_letters_topic="d",
            dedupe_window=100,
            addressing=Addressing(name, beside=("m", "other"), speaks_for_all=name == "m"),
        )
        for name in ("m", "other")
    )
    role = SeveralDecider({"m": own, "other": other})
    batch = records_of([(0, 1.0, "a", 1)] * 3 + [(0, 2.0, "a", 1)])
    meant: list[Headers | None] = [None, [(HEADER_MODEL, b"other")], [(HEADER_MODEL, b"m")], None]
    first = replace(batch._cut(0, 3), headers=meant[:3])
    state = role.load(0, {})
    state.apply(role.decide({0: state}, first, role.prepare(first)).changes[0])
    back = role.load(0, {name: bytes(data) for name, data in state.dump().items()})
    for each in (state, back):
        last = batch._cut(3, 4)
        decision = role.decide({0: each}, last, role.prepare(last))
        read = [json.loads(record.value or b"") for record in decision.outbox if record.topic == "p"]
        assert [round(answer["prediction"] / 1_000_000) for answer in read] == [2, 2]
        alone = own.decide({0: each.of["m"]}, last, own.prepare(last))
        assert list(answers_of(alone).values()) == [read[0]["prediction"]]
    refused = role.give_up(first._cut(1, 2), Refused())
    assert {partition: list(change) for partition, change in refused.changes.items()} == {0: ["other"]}


def test_a_version_with_other_keyed_features_does_not_stand_in(model: LoadedModel) -> None:
    manifest = model.manifest
    assert can_stand_in(manifest, manifest)
    assert isinstance(manifest.preprocessing, Preprocessing)
    others = replace_fields(KEYED, ttl_s=121)
    other = replace_fields(manifest, preprocessing=replace_fields(manifest.preprocessing, keyed=others))
    assert not can_stand_in(other, manifest)
    assert not can_stand_in(manifest, other)
