"""A model of the registry in both isolations: the same answers, to the bit, and the same refusals."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression

from models.adding_river import make_river_candidate
from models.errors import ModelError
from models.isolated import IsolatedPredict
from models.loaded import LoadedModel
from models.online.declaration import OnlineDeclaration
from models.prediction import ModelProcessDied
from models.registry import Registry
from streams.served_model import ModelSource
from streams.settings import ModelSettings, Settings, SettingsError
from streams.telemetry.metrics import Metrics
from tests.unit.models.building import REFERENCE, number_schema, publish, reseal, rows

ROWS = rows(8192, 10, seed=11)
TRAINING = rows(600, 10)
LABELS = np.where(TRAINING[:, 0] * TRAINING[:, 1] > 0, "yes", "no")
MODELS = {
    "logistic": (LogisticRegression(), LABELS),
    "forest": (RandomForestClassifier(20, random_state=0, n_jobs=2), LABELS),
    "regression": (RandomForestRegressor(5, random_state=0), TRAINING[:, 2]),
}

Serve = Callable[..., LoadedModel]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models") / "registry"
    for name, (estimator, target) in MODELS.items():
        publish(root, name, estimator.fit(TRAINING, target), TRAINING)
    online = make_river_candidate(
        OnlineDeclaration(model="gaussian_nb"),
        number_schema(10),
        TRAINING,
        name="online",
        created="2026-01-01T00:00:00Z",
        where="test",
        target=LABELS.tolist(),
    )
    Registry(root).publish(online.manifest, online.files(REFERENCE))
    return root


@pytest.fixture
def serve() -> Iterator[Serve]:
    closes = []

    def serve(root: Path, isolation: Literal["thread", "process"], name: str | None = None) -> LoadedModel:
        own = ModelSettings(registry=root, name=name, isolation=isolation, deadline_ms=60_000)
        source = ModelSource(Settings(model=own), Metrics(CollectorRegistry()), lambda: None)
        model, close = source.load()
        closes.append(close)
        return model

    yield serve
    for close in closes:
        close()


@pytest.mark.parametrize("name", [*MODELS, "online"])
def test_answers_are_equal_to_the_bit(registry: Path, serve: Serve, name: str) -> None:
    here, there = serve(registry, "thread", name), serve(registry, "process", name)
    assert isinstance(there.predict_raw, IsolatedPredict)
    assert (there.name, there.version, there.schema) == (here.name, here.version, here.schema)
    assert (there.classes, there.output_signals, there.reference) == (here.classes, here.output_signals, here.reference)
    for count in (0, 1, 2, 63, 64, 65, 1000, 8192):
        mine, theirs = here.predict(ROWS[:count]), there.predict(ROWS[:count])
        assert theirs.values == mine.values and theirs.scores == mine.scores
        assert theirs.outputs.dtype == np.float64 and theirs.outputs.tobytes() == mine.outputs.tobytes()
        assert there.predict_raw(ROWS[:count]).tobytes() == here.predict_raw(ROWS[:count]).tobytes()
    for view in (ROWS[:100:3], np.asfortranarray(ROWS[:100])):
        assert there.predict(view).outputs.tobytes() == here.predict(view).outputs.tobytes()


def test_nulls_raise_the_same(registry: Path, serve: Serve) -> None:
    row = np.full((1, 10), np.nan)
    with pytest.raises(ValueError) as mine:
        serve(registry, "thread", "logistic").predict(row)
    with pytest.raises(Exception, match="contains NaN") as theirs:
        serve(registry, "process", "logistic").predict(row)
    assert str(theirs.value) == str(mine.value)[:1000]


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_a_model_that_cannot_be_loaded_ends_the_start_with_the_same_words(
    registry: Path, serve: Serve, tmp_path: Path, isolation: str
) -> None:
    with pytest.raises(SettingsError, match=r"model\.name"):
        serve(registry, isolation)
    root = tmp_path / "registry"
    shutil.copytree(registry / "logistic", root / "logistic")
    reseal(root / "logistic" / "1", libraries={"scikit-learn": "0.1.0"})
    with pytest.raises(ModelError, match=r"added with scikit-learn 0\.1\.0") as refused:
        serve(root, isolation)
    assert refused.value.where == str(root / "logistic" / "1")


def test_a_version_that_was_replaced_meanwhile_does_not_answer(registry: Path, serve: Serve, tmp_path: Path) -> None:
    root = tmp_path / "registry"
    shutil.copytree(registry / "logistic", root / "logistic")
    model = serve(root, "process")
    assert isinstance(model.predict_raw, IsolatedPredict)
    before = model.predict_raw(ROWS[:3])
    shutil.copytree(root, tmp_path / "kept")
    reseal(root / "logistic" / "1", created="2027-01-01T00:00:00Z")
    child = model.predict_raw._children[0]
    child.kill()
    child._process.wait()
    with pytest.raises(ModelProcessDied, match="changed since the worker started"):
        model.predict(ROWS[:3])
    shutil.rmtree(root)
    shutil.copytree(tmp_path / "kept", root)
    assert model.predict_raw(ROWS[:3]).tobytes() == before.tobytes()
