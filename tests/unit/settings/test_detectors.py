"""The detectors that settings name are tried out before anything is watched."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import structlog
from prometheus_client import CollectorRegistry
from sklearn.linear_model import LogisticRegression

from models.schema import Feature, InputSchema
from streams.detectors import detector_factories
from streams.modelling import publish_estimator
from streams.roles import drift_role, drift_settings
from streams.settings import Settings
from streams.settings.loading import load_settings
from streams.settings.problems import SettingsError
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress

PROGRESS = Progress((), needs_model=False, deadline_s=1.0, now=0.0)


class Own:
    def __init__(self, limit: float = 3.0) -> None:
        self.limit = limit
        self.drift_detected = False

    def update(self, x: float) -> None:
        self.drift_detected = x > self.limit


class Kept(Own):
    """Keeps on the class what belongs to one detector."""

    above = 0

    def update(self, x: float) -> None:
        Kept.above = Kept.above + 1 if x > self.limit else 0
        self.drift_detected = Kept.above >= 3


class Guessing(Own):
    def update(self, _x: float) -> None:
        self.drift_detected = random.random() < 0.5


OWN = f"{__name__}:Own"


def chosen(**signals: object) -> Settings:
    return load_settings(environ={"WEIR_DRIFT__SIGNALS": json.dumps(signals)})


def test_the_first_pattern_that_matches_chooses_and_the_rest_keep_the_default() -> None:
    settings = chosen(**{"metric/*": {"name": "KSWIN"}, "metric/class": {"name": "ADWIN"}})
    drift = drift_settings(settings)
    assert [spec.name for spec in drift.detectors_of("metric/class")] == ["KSWIN"]
    assert drift.detectors_of("amount") == drift.detectors
    detector_factories(settings)


def test_a_detector_of_ones_own_is_imported() -> None:
    factories = detector_factories(chosen(amount={"name": OWN, "parameters": {"limit": 2.0}}))
    assert factories[OWN] is Own


def test_detectors_of_errors_are_for_errors_only() -> None:
    detector_factories(chosen(**{"metric/error": {"name": "HDDM_W", "parameters": {"lambda_val": 0.1}}}))
    with pytest.raises(SettingsError, match="DDM"):
        detector_factories(chosen(**{"metric/*": {"name": "DDM"}}))
    with pytest.raises(SettingsError, match="lambda_val"):
        detector_factories(chosen(**{"metric/error": {"name": "HDDM_W", "parameters": {"lambda_val": 2.0}}}))


@pytest.mark.parametrize(
    ("choice", "why"),
    [
        ({"name": "ADWINE"}, "ADWINE"),
        ({"name": "ADWIN", "parameters": {"clock": 0}}, "clock"),
        ({"name": OWN, "parameters": {"limits": 2.0}}, "limits"),
        ({"name": "not_there_at_all:Own"}, "cannot be imported"),
        ({"name": "math:pi"}, "no class with update"),
        ({"name": f"{__name__}:Kept"}, "kept on the class"),
        ({"name": f"{__name__}:Guessing"}, "unseeded randomness"),
    ],
)
def test_what_does_not_fit_is_told_with_its_key(choice: dict[str, object], why: str) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        detector_factories(chosen(amount=choice))
    (problem,) = caught.value.problems
    assert problem.key == 'drift.signals."amount"'
    assert "WEIR_DRIFT__SIGNALS" in problem.origin


def test_a_choice_that_is_for_no_signal_is_told_at_start(tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).normal(size=(400, 1))
    schema = InputSchema((Feature("amount"),))
    publish_estimator(tmp_path, "m", LogisticRegression().fit(matrix, (matrix[:, 0] > 0).astype(int)), schema, matrix)
    signals = {"amount": {"name": "ADWIN"}, "amonut": {"name": "KSWIN"}}
    environ = {"WEIR_DRIFT__SIGNALS": json.dumps(signals), "WEIR_MODEL__REGISTRY": str(tmp_path)}
    settings = load_settings(environ=environ)
    role = drift_role(settings, Metrics(CollectorRegistry()), PROGRESS)
    with structlog.testing.capture_logs() as logs:
        role.make_decider({settings.topics.name("events"): 1})
    assert [entry["setting"] for entry in logs if entry["log_level"] == "warning"] == ['drift.signals."amonut"']
