"""A model is changed under load: nothing lost, nothing answered twice, each answer is what its version says."""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from confluent_kafka import Producer
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from models.registry import Registry
from models.schema import Feature, InputSchema
from streams.cli.main import app
from streams.modelling import publish_estimator
from tests.faults.workload import FEATURES, MODEL
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import PARTITIONS, Traffic, Worker, make_topics, until
from tests.unit.models.building import replace_file

WEIGHTS = {"1": [1.0, -0.5, 0.25, 0.0], "2": [0.0, 1.0, 1.0, 0.0], "3": [0.5, 0.5, 0.0, -1.0]}
CHUNK = 500


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """Versions that answer the same event differently."""
    rng, folder = np.random.default_rng(1), tmp_path / "registry"
    rows = rng.normal(size=(2000, len(FEATURES)))
    schema = InputSchema(tuple(Feature(name) for name in FEATURES))
    for weights in WEIGHTS.values():
        target = (rows @ weights + rng.normal(scale=0.5, size=len(rows)) > 0).astype(int)
        publish_estimator(folder, MODEL, LogisticRegression().fit(rows, target), schema, rows, target=target.tolist())
    return folder


class Load:
    """Events as fast as they are taken, until its end. A context manager."""

    def __init__(self, topics: Topics) -> None:
        self._producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})
        self._topic = topics.name("events")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self.rows: list[list[float]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        assert self._producer.flush(30) == 0

    def _send(self) -> None:
        rng = np.random.default_rng(7)
        while not self._stop.wait(0.05):
            for row in rng.normal(size=(CHUNK, len(FEATURES))).round(4).tolist():
                number = len(self.rows)
                self.rows.append(row)
                event = {"id": f"e{number}", "features": dict(zip(FEATURES, row, strict=True))}
                self._producer.produce(self._topic, json.dumps(event), partition=number % PARTITIONS)
            self._producer.poll(0)


class Answers:
    """What the predictions say, by partition in their order."""

    def __init__(self, traffic: Traffic) -> None:
        self.by_partition: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for record in traffic.read("predictions"):
            answer = json.loads(record.value or b"")
            self.by_partition[answer["source"]["partition"]].append(answer)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (answer for own in self.by_partition.values() for answer in own)

    def newest(self) -> set[str]:
        """The version of the last answer of each partition."""
        return {own[-1]["version"] for own in self.by_partition.values()}

    def versions(self) -> list[list[str]]:
        """Of each partition, the versions in turn."""
        turns = (groupby(own, key=lambda answer: answer["version"]) for own in self.by_partition.values())
        return [[version for version, _ in each] for each in turns]


def test_a_model_is_promoted_and_rolled_back_under_load(
    topics: Topics, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_topics(topics)
    traffic = Traffic(topics)
    kafka = {"bootstrap_servers": topics.bootstrap_servers, "delivery": topics.delivery}

    def weir(*arguments: str) -> tuple[int, str]:
        told = CliRunner().invoke(app, ["model", *arguments, "--json", "--author", "ann"], env=first.environment)
        return told.exit_code, json.loads(told.stdout)["why"] if told.stdout else told.stderr

    def serves(version: str) -> None:
        until(lambda: Answers(traffic).newest() == {version}, first, f"version {version} answers everywhere")

    other = Worker(topics, registry, tmp_path / "other", kafka, roles="predict", WEIR_WORKER__SLOT="1")
    with Worker(topics, registry, tmp_path / "first", kafka) as first, other:
        until(lambda: first.is_ready() and other.is_ready(), first, "both are ready")
        with Load(topics) as load:
            serves("1")
            assert weir("promote", MODEL, "2") == (0, f"revision 1 of model/{MODEL}")
            serves("2")
            assert weir("promote", MODEL, "2")[0] == 1
            assert weir("promote", MODEL, "3")[0] == 0
            serves("3")
            assert weir("rollback", MODEL)[0] == 0
            serves("2")
            assert weir("rollback", MODEL)[0] == 1
            assert f'weir_model_active{{model="{MODEL}",version="2"}} 1.0' in first.ask("/metrics")[1]
        until(lambda: len(list(Answers(traffic))) >= len(load.rows), first, "all is answered")

    answers = Answers(traffic)
    assert Counter(answer["event_id"] for answer in answers) == Counter(f"e{n}" for n in range(len(load.rows)))
    assert answers.versions() == [["1", "2", "3", "2"]] * PARTITIONS
    for version in WEIGHTS:
        own = [answer for answer in answers if answer["version"] == version]
        rows = np.array([load.rows[int(answer["event_id"][1:])] for answer in own])
        offline = Registry(registry).load(MODEL, version).predict(rows)
        assert [answer["prediction"] for answer in own] == offline.values
        assert [answer["score"] for answer in own] == offline.scores


def test_what_was_promoted_holds_over_a_restart_and_a_broken_version_changes_nothing(
    topics: Topics, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_topics(topics)
    traffic = Traffic(topics)
    kafka = {"bootstrap_servers": topics.bootstrap_servers, "delivery": topics.delivery}

    def answered_by() -> str:
        traffic.send(bad=0)
        until(traffic.is_answered, worker, "all is answered")
        (version,) = {answer["version"] for answer in list(Answers(traffic))[-1:]}
        return str(version)

    def promote(version: str, *options: str) -> int:
        command = ["model", "promote", MODEL, version, "--author", "ann", *options]
        return CliRunner().invoke(app, command, env=worker.environment).exit_code

    def metric(name: str) -> bool:
        return name in worker.ask("/metrics")[1]

    with Worker(topics, registry, tmp_path / "worker", kafka) as worker:
        until(worker.is_ready, worker, "it is ready")
        assert answered_by() == "1"
        assert promote("2") == 0
        until(lambda: worker.says("the next batch is answered by", "2"), worker, "it changes over")
        assert answered_by() == "2"
        assert worker.stop() == 0
        replace_file(registry / MODEL / "1" / "estimator.skops", b"damaged")  # the default: no matter, another answers
        worker.start()
        until(worker.is_ready, worker, "it is ready again")
        assert answered_by() == "2"

        replace_file(registry / MODEL / "3" / "estimator.skops", b"damaged")
        assert promote("3") == 1, "it is tried before it is proposed"
        assert promote("3", "--unchecked") == 0
        until(lambda: metric(f'weir_model_load_failures_total{{model="{MODEL}"}} 1.0'), worker, "the failure is told")
        assert worker.says("version not served", "sha256")
        assert answered_by() == "2"
        worker.stop()
        worker.start()
        until(worker.is_ready, worker, "it is ready although what was promoted is broken")
        assert answered_by() == "2"
        refused = CliRunner().invoke(app, ["model", "remove", MODEL, "2"], env=worker.environment)
        assert (refused.exit_code, (registry / MODEL / "2").exists()) == (1, True)
    traffic.assert_exactly_once()
