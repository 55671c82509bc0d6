"""A worker prepares events as the manifest says, and one that it cannot prepare is a dead letter of its own stage."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import Producer
from sklearn.linear_model import LinearRegression

from models.prepared_training import prepare_training
from models.preprocessing.declared import Preprocessing
from models.preprocessing.derive import Derive
from models.preprocessing.encode import OneHot
from models.preprocessing.scale import Scale
from models.preprocessing.time_part import TimePart
from models.schema import Feature, InputSchema, Kind
from streams.modelling import publish_estimator
from tests.conftest import ROOT
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import PARTITIONS, Traffic, Worker, make_topics, until

SCHEMA = InputSchema((Feature("amount"), Feature("plan", Kind.CATEGORY, categories=("free", "pro"))))
STEPS = Preprocessing(
    (
        Derive("log", ("amount",), "log_amount"),
        Scale(("log_amount",), "standard"),
        OneHot(("plan",), unseen="zeros"),
        TimePart("hour", "@time", "hour"),
    )
)
START = 1_767_225_600_000  # 2026-01-01T00:00:00Z
EVENTS = 200
HOUR = 3_600_000


@pytest.mark.timeout(200)
def test_a_worker_answers_as_the_estimator_answers_prepared_rows(
    topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))))
    rng = np.random.default_rng(3)
    rows = np.column_stack([rng.lognormal(3, 1, EVENTS), rng.integers(0, 2, EVENTS).astype(np.float64)])
    times = START + np.arange(EVENTS) * HOUR
    training = prepare_training(STEPS, SCHEMA, rows, times, where="here")
    line = LinearRegression().fit(training.matrix, rng.normal(size=EVENTS))
    publish_estimator(tmp_path / "registry", "line", line, SCHEMA, rows, times_ms=times, preprocessing=STEPS)
    due = line.predict(training.matrix)

    make_topics(topics)
    producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})
    for number, ((amount, plan), time) in enumerate(zip(rows.tolist(), times.tolist(), strict=True)):
        features = {"amount": amount, "plan": SCHEMA.features[1].categories[int(plan)]}
        if number % 50 == 7:
            features["amount"] = -amount
        event = {"id": f"e{number}", "time": time, "features": features}
        producer.produce(topics.name("events"), json.dumps(event), partition=number % PARTITIONS)
    assert producer.flush(30) == 0

    traffic = Traffic(topics)
    kafka = {"bootstrap_servers": topics.bootstrap_servers, "delivery": topics.delivery}
    with Worker(topics, tmp_path / "registry", tmp_path / "worker", kafka) as worker:
        until(lambda: len(traffic.answered()) == EVENTS - 4, worker, "all but four are answered", 90)
        until(lambda: len(traffic.read("dead-letters")) == 4, worker, "and these are dead letters")
        assert (
            'weir_dead_letters_total{model="line",reason="preprocess",stage="preprocess"} 4.0'
            in worker.ask("/metrics")[1]
        )
    answers = {json.loads(record.value or b"")["event_id"]: record for record in traffic.read("predictions")}
    for number in range(EVENTS):
        if number % 50 != 7:
            found = json.loads(answers[f"e{number}"].value or b"")["prediction"]
            assert found == pytest.approx(due[number], rel=1e-12)
    for record in traffic.read("dead-letters"):
        headers = {name: value.decode() for name, value in record.headers or ()}
        assert (headers["weir-stage"], headers["weir-reason"]) == ("preprocess", "preprocess")
        assert headers["weir-error"] == "step 1 (derive) has no answer for column 'log_amount'"
        assert json.loads(record.value or b"")["features"]["amount"] < 0
    assert traffic.observed() == EVENTS - 4
