"""Which models the door opens: what the registry has, with or without Kafka."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from sklearn.linear_model import LogisticRegression

from models.errors import ModelError
from models.schema import Feature, InputSchema
from streams import http_models
from streams.http_models import open_models
from streams.modelling import publish_estimator
from streams.settings import KafkaSettings, ModelSettings, Settings
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress
from tests.faults.keyed_workload import publish_keyed_model
from tests.faults.workload import MODEL
from tests.unit.models.building import replace_file

NOWHERE = KafkaSettings(bootstrap_servers="127.0.0.1:1")


def publish(folder: Path, *names: str) -> None:
    rows = np.random.default_rng(1).normal(size=(200, 2))
    target = (rows.sum(axis=1) > 0).astype(int)
    schema = InputSchema((Feature("a"), Feature("b")))
    for name in names:
        publish_estimator(folder, name, LogisticRegression().fit(rows, target), schema, rows, target=target.tolist())


def opened(folder: Path, stack: ExitStack, **model: str) -> dict[str, str]:
    """Names and versions of what answers."""
    settings = Settings(kafka=NOWHERE, model=replace(ModelSettings(registry=folder), **model))
    metrics, progress = Metrics(CollectorRegistry()), Progress(["http"], needs_model=True, deadline_s=10.0, now=0.0)
    found = open_models(settings, metrics, progress, lambda: None, threading.Event(), stack)
    assert progress.describe(0.0)["models"] == dict.fromkeys(found, "1")
    return {name: serving().model.version for name, (serving, _) in found.items()}


def test_while_kafka_is_away_the_registrys_default_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_models, "WAIT_S", 0.2)
    publish(tmp_path, "m")
    with ExitStack() as stack:
        assert opened(tmp_path, stack) == {"m": "1"}
    (tmp_path / "m" / "1" / "estimator.skops").chmod(0o600)
    replace_file(tmp_path / "m" / "1" / "estimator.skops", b"damaged")
    with ExitStack() as stack, pytest.raises(ModelError, match="sha256"):
        opened(tmp_path, stack)


def test_several_models_are_opened_the_first_one_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_models, "WAIT_S", 0.2)
    publish(tmp_path, "b", "a")
    with ExitStack() as stack:
        assert list(opened(tmp_path, stack, name="b", also="a")) == ["b", "a"]


def test_a_model_with_keyed_features_is_refused(tmp_path: Path) -> None:
    publish_keyed_model(tmp_path)
    with ExitStack() as stack, pytest.raises(ModelError, match="keyed features") as raised:
        opened(tmp_path, stack, name=MODEL, version="1")
    assert "Kafka" in raised.value.fix
