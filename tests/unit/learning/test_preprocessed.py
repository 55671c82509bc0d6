"""A learner behind preprocessing learns prepared rows, from what was computed of the very events that were answered."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.online.design import design
from models.online.learner import OnlineLearner
from models.preprocessing.clip import Clip
from models.preprocessing.computed import of_times
from models.preprocessing.declared import Preprocessing
from models.preprocessing.derive import Derive
from models.preprocessing.encode import OneHot
from models.preprocessing.scale import Scale
from models.preprocessing.time_part import TimePart
from models.preprocessing_file import DeclaredPreprocessing
from models.registry import Registry
from streams.base_version import read_base
from streams.decide.examples import FeatureWriter
from streams.decide.learner import LearnerDecider
from streams.freezing import LEAST_REFERENCE_ROWS, freeze
from streams.joining.key_index import keys_of
from streams.joining.values import coded
from streams.learner_snapshot import Learnt
from streams.learning.base import LearnerBase
from streams.learning.records import decode_example, labelled_records
from streams.learning.report import ExampleFate, LearnerReport
from streams.modelling import add_model, check_reference
from streams.pipeline import Outcomes
from streams.settings import LearningSettings, ModelSettings, Settings
from tests.unit.learning.lessons import told

NAME, START = "m", 1_767_225_600_000
STEPS = Preprocessing(
    (
        Derive("log", ("amount",), "log_amount"),
        Clip(("log_amount",), low=-5.0, high=10.0),  # would make a number again of what has no logarithm
        Scale(("log_amount",), "standard"),
        OneHot(("plan",), unseen="zeros"),
        TimePart("hour", "@time", "hour"),
    )
)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    rng = np.random.default_rng(3)
    lines = [
        f"{amount},{plan},{START + n * 3_600_000},{'yes' if amount > 20 else 'no'}"
        for n, (amount, plan) in enumerate(zip(rng.lognormal(3, 1, 300), rng.choice(["free", "pro"], 300), strict=True))
    ]
    (tmp_path / "train.csv").write_text("\n".join(["amount,plan,at,label", *lines]) + "\n")
    (tmp_path / "model.toml").write_text('model = "logistic_regression"\nscaler = "none"\n')
    files = tmp_path / "model.toml", NAME, tmp_path / "train.csv"
    steps = DeclaredPreprocessing(STEPS)
    add_model(tmp_path / "registry", *files, target="label", time="at", version="2", preprocessing=steps)
    return Registry(tmp_path / "registry")


def base_of(registry: Registry) -> LearnerBase:
    learning = LearningSettings(version="2")
    return read_base(Settings(model=ModelSettings(registry=registry.root), learning=learning))


def answered(base: LearnerBase, amounts: Any, times_ms: Any) -> list[bytes]:
    count = len(amounts)
    nothing: Any = None
    matrix = np.column_stack((amounts, np.arange(count) % 2))
    of = Outcomes([*range(count)], [f"e{n}" for n in range(count)], times_ms, matrix, nothing, [], [])
    written = FeatureWriter(base, "examples").features(of, np.arange(count))
    return [record.value or b"" for record in written]


def test_what_is_learnt_is_what_the_version_would_take_of_the_same_events(registry: Registry) -> None:
    base = base_of(registry)
    assert [feature.name for feature in base.preparation.inputs] == ["amount", "plan", "@time"]
    of = LearnerDecider(base, most=10_000)
    state = of.load(0, {})
    count = LEAST_REFERENCE_ROWS + 1
    rng = np.random.default_rng(4)
    amounts, times = rng.lognormal(3, 1, count), START + rng.integers(0, 10**9, count)
    amounts[5] = -1.0  # has no logarithm
    labels = ["yes" if amount < 20 else "no" for amount in amounts]
    told(of, state, [decode_example(value) for value in answered(base, amounts, times)])
    keys = keys_of(f"e{n}" for n in range(count))
    decision = told(of, state, labelled_records(NAME, "1", keys, coded(labels), np.ones(count, dtype=np.bool_)))
    assert isinstance(decision.report, LearnerReport)
    assert decision.report.fates == Counter({ExampleFate.LEARNT: count - 1, ExampleFate.UNUSABLE: 1})

    features = np.column_stack((amounts, np.arange(count) % 2))
    prepared = base.preparation(base.preparation.inputs_of(features, of_times(times)))
    assert prepared.failures.keys() == {5}
    offline = OnlineLearner(base.parameters)
    for number, row in enumerate(design(base.preparation.outputs, prepared.matrix)):
        if number != 5:
            offline.learn(row, int(labels[number] == "yes"))
    assert state.knowledge.parameters == offline.parameters()

    frozen = freeze(registry, Learnt(state.knowledge, state.dump(), 0), None)
    assert frozen.reference_rows == count - 1
    own, first = frozen.manifest, registry.artifact(NAME, "2").manifest
    assert (own.schema, own.preprocessing, own.output) == (first.schema, first.preprocessing, first.output)
    model = registry.load(NAME, own.version)
    check_reference(model)
    sound = np.delete(prepared.matrix, 5, axis=0)
    due = [["no", "yes"][int(np.argmax(offline.predict(row)))] for row in design(base.preparation.outputs, sound)]
    assert model.predict(sound).values == due


def test_of_few_events_the_sample_of_its_base_is_prepared(registry: Registry) -> None:
    base = base_of(registry)
    of = LearnerDecider(base, most=100)
    state = of.load(0, {})
    told(of, state, [decode_example(value) for value in answered(base, np.array([3.0]), np.array([START]))])
    frozen = freeze(registry, Learnt(state.knowledge, state.dump(), 0), None)
    assert frozen.reference_rows == 0
    assert (
        registry.load(NAME, frozen.manifest.version).manifest.preprocessing
        == registry.load(NAME, "2").manifest.preprocessing
    )
