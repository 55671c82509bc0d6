"""Two models in one worker: each answers every event, but one that names a model goes to that model only."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import Producer
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from models.registry import Registry
from models.schema import Feature, InputSchema
from streams.cli.main import app
from streams.contracts import HEADER_MODEL
from streams.modelling import publish_estimator
from tests.faults.workload import FEATURES, MODEL, publish_model
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import PARTITIONS, Traffic, Worker, make_topics, until

RISK = "risk"
ROWS = np.random.default_rng(3).normal(size=(600, len(FEATURES))).round(4)


def publish_risk(registry: Path) -> None:
    """A model of other features, in two versions."""
    schema = InputSchema((Feature(FEATURES[3]), Feature(FEATURES[0])))
    rows = np.random.default_rng(5).normal(size=(500, 2))
    for weights in ([1.0, 0.5], [-1.0, 2.0]):
        target = (rows @ weights > 0).astype(int)
        publish_estimator(registry, RISK, LogisticRegression().fit(rows, target), schema, rows, target=target.tolist())


def send(topics: Topics, numbers: range) -> None:
    """Every fifth event to `risk`, every seventh to no model that there is."""
    producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})
    for number in numbers:
        value = {"id": f"e{number}", "features": dict(zip(FEATURES, ROWS[number].tolist(), strict=True))}
        named = RISK if number % 5 == 0 else "nobody" if number % 7 == 0 else None
        headers = [(HEADER_MODEL, named)] if named else None
        partition = number % PARTITIONS
        producer.produce(topics.name("events"), json.dumps(value), partition=partition, headers=headers)
    assert producer.flush(30) == 0


def due(numbers: range) -> Counter[tuple[str, str]]:
    """Model and event id of each answer."""
    to_risk = {number for number in numbers if number % 5 == 0}
    to_nobody = {number for number in numbers if number % 7 == 0} - to_risk
    both = set(numbers) - to_risk - to_nobody
    return Counter([*((RISK, f"e{n}") for n in to_risk | both), *((MODEL, f"e{n}") for n in both)])


def figure(metrics: str, name: str) -> float:
    """A sample of the metrics."""
    (line,) = (line for line in metrics.splitlines() if line.startswith(f"{name} "))
    return float(line.rpartition(" ")[2])


def test_each_model_answers_what_is_meant_for_it_over_a_kill_and_a_promotion(
    topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_topics(topics)
    registry, traffic = tmp_path / "registry", Traffic(topics)
    publish_model(registry)
    publish_risk(registry)
    kafka = {"bootstrap_servers": topics.bootstrap_servers, "delivery": topics.delivery}
    names = {"WEIR_MODEL__NAME": MODEL, "WEIR_MODEL__ALSO": RISK}

    def answers() -> list[dict]:
        return [json.loads(record.value or b"") for record in traffic.read("predictions")]

    def answered(numbers: range) -> bool:
        return len(answers()) >= due(numbers).total()

    first, second, third = range(200), range(200, 400), range(400, 600)
    with Worker(topics, registry, tmp_path / "worker", kafka, **names) as worker:
        until(worker.is_ready, worker, "it is ready")
        send(topics, first)
        until(lambda: answered(first), worker, "the first are answered")
        send(topics, second)
        worker.stop(signal.SIGKILL)
        worker.start()
        until(lambda: answered(range(400)), worker, "the second are answered")
        promote = ["model", "promote", RISK, "2", "--author", "ann"]
        assert CliRunner().invoke(app, promote, env=worker.environment).exit_code == 0
        until(lambda: worker.says("the next batch is answered by", "2"), worker, "risk changes over")
        send(topics, third)
        until(lambda: answered(range(600)), worker, "the third are answered")
        metrics = worker.ask("/metrics")[1]
        assert figure(metrics, "weir_end_to_end_seconds_count") == figure(
            metrics, f'weir_records_consumed_total{{topic="{topics.name("events")}"}}'
        )
        for name, version in ((MODEL, "1"), (RISK, "2")):
            assert f'weir_model_active{{model="{name}",version="{version}"}} 1.0' in metrics

    given = answers()
    assert Counter((answer["model"], answer["event_id"]) for answer in given) == due(range(600))
    for name, version, columns in ((MODEL, "1", [0, 1, 2, 3]), (RISK, "1", [3, 0]), (RISK, "2", [3, 0])):
        own = [answer for answer in given if (answer["model"], answer["version"]) == (name, version)]
        assert own
        rows = np.ascontiguousarray(ROWS[[int(answer["event_id"][1:]) for answer in own]][:, columns])
        offline = Registry(registry).load(name, version).predict(rows)
        assert [answer["score"] for answer in own] == offline.scores
    refused = traffic.read("dead-letters")
    assert {dict(record.headers or ())["weir-reason"] for record in refused} == {b"no_model"}
    assert len(refused) == len({number for number in range(600) if number % 7 == 0 and number % 5})
    observed = Counter[str]()
    for record in traffic.read("observations"):
        told = json.loads(record.value or b"{}")
        observed[told["model"]] += sum(each.get("events", 0) for each in told.get("slices", []))
    assert observed == Counter(model for model, _ in due(range(600)).elements())
