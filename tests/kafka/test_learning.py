"""A learner beside running workers: what it knows is what an undisturbed one would, and what is frozen answers so."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from models.online.learner import OnlineLearner
from models.online.parameters import Parameters
from models.registry import Registry
from models.runtime_river import read_parameters
from streams.cli.model_serving import model_app
from streams.joining.key_index import keys_of
from streams.learner_snapshot import learnt_of
from streams.learning.records import Answered, Labelled, decode_example
from streams.modelling import add_model
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import PARTITIONS, Traffic, Worker, make_topics, until

NAME, COLUMNS = "fraud", ("amount", "age")
TRAINED, EVENTS = 400, 3000
LEARNING = {"WEIR_LEARNING__VERSION": "1"}


class World:
    """Training rows of a calm time; events of another one, in which the truth is the opposite."""

    def __init__(self, topics: Topics, folder: Path) -> None:
        rng = np.random.default_rng(8)
        self._topics, self._folder = topics, folder
        self.rows = rng.normal(size=(EVENTS, 2)).round(4)
        self.truth = np.where(self.rows[:, 0] - self.rows[:, 1] > 0, "good", "bad").tolist()
        self._producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})

    def publish(self, registry: Path) -> None:
        rng = np.random.default_rng(9)
        rows = rng.normal(size=(TRAINED, 2))
        lines = [f"{a},{b},{'bad' if a - b > 0 else 'good'}" for a, b in rows.tolist()]
        data, declared = self._folder / "train.csv", self._folder / "model.toml"
        data.write_text("\n".join([",".join((*COLUMNS, "label")), *lines]) + "\n")
        declared.write_text('model = "logistic_regression"\nlearning_rate = 0.05\n')
        add_model(registry, declared, NAME, data, target="label")

    def send_events(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            features = dict(zip(COLUMNS, self.rows[number].tolist(), strict=True))
            self._send("events", {"id": f"e{number}", "features": features}, number)
        assert self._producer.flush(30) == 0

    def send_labels(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._send("labels", {"event_id": f"e{number}", "label": self.truth[number]}, number * 7)
        assert self._producer.flush(30) == 0

    def _send(self, topic: str, record: dict[str, Any], number: int) -> None:
        self._producer.produce(self._topics.name(topic), json.dumps(record), partition=number % PARTITIONS)
        self._producer.poll(0)


def learnt(traffic: Traffic) -> Parameters | None:
    """What the last snapshot holds."""
    records = [(record.key or b"", record.value) for record in traffic.read("state")]
    if not any(key.startswith(b"learner/") for key, _ in records):
        return None
    return learnt_of(NAME, records, "test").knowledge.parameters


def offline(traffic: Traffic, base: Parameters, world: World) -> Parameters:
    """The log of examples, learnt by River without a break."""
    numbers = {int(key): number for number, key in enumerate(keys_of(f"e{n}" for n in range(EVENTS)))}
    learner = OnlineLearner(base)
    for record in traffic.read("examples"):
        example = decode_example(record.value or b"")
        if isinstance(example, Labelled):
            for key in example.rows()[0].tolist():
                number = numbers[key]
                learner.learn(world.rows[number], ["bad", "good"].index(world.truth[number]))
    return learner.parameters()


def weir(*arguments: str, worker: Worker) -> Any:
    return CliRunner().invoke(model_app, [*arguments, "--json"], env=worker.environment)


def test_a_learner_that_is_killed_knows_what_an_undisturbed_one_would_and_is_promoted(
    topics: Topics, tmp_path: Path
) -> None:
    make_topics(topics)
    topics.create("examples", 1)
    registry = tmp_path / "registry"
    world, traffic = World(topics, tmp_path), Traffic(topics)
    world.publish(registry)
    kafka = {"bootstrap_servers": topics.bootstrap_servers}
    roles = "predict,drift,labels,learner"

    with Worker(topics, registry, tmp_path / "worker", kafka, roles=roles, **LEARNING) as worker:
        until(worker.is_ready, worker, "it is ready")
        world.send_labels(range(100))  # before their events
        world.send_events(range(1500))
        world.send_labels(range(100, 1000))
        until(lambda: (learnt(traffic) or base_of(registry)).learned > TRAINED, worker, "something was learnt")
        assert worker.process is not None
        worker.process.kill()
        worker.process.wait()
        world.send_labels(range(900, 1500))
        worker.start()
        world.send_events(range(1500, 2500))
        world.send_labels(range(1500, 2500))
        due = TRAINED + 2500
        until(lambda: (learnt(traffic) or base_of(registry)).learned >= due, worker, "every label was learnt")

        base = base_of(registry)
        assert learnt(traffic) == offline(traffic, base, world)
        assert 'weir_learner_examples_total{fate="learnt",model="fraud"}' in worker.ask("/metrics")[1]

        told = weir("learner", NAME, worker=worker)
        compared = json.loads(told.stdout)["versions"]["1"]
        assert compared["verdict"] == "better", told.stderr  # version 1 learnt the opposite
        frozen = weir("freeze", NAME, "--if-better", "--registry", str(registry), worker=worker)
        assert frozen.exit_code == 0, frozen.stderr
        version = json.loads(frozen.stdout)["version"]
        assert json.loads(frozen.stdout)["learnt"] == due
        assert read_version(registry, version) == learnt(traffic)

        promoted = weir("promote", NAME, version, "--registry", str(registry), worker=worker)
        assert promoted.exit_code == 0, promoted.stderr
        until(lambda: served(traffic, world) == version, worker, "the frozen version answers")
        again = weir("freeze", NAME, "--if-better", "--registry", str(registry), worker=worker)
        assert again.exit_code == 1
        assert "not compared with version" in again.stderr
        world.send_labels([EVENTS - 1])
        until(lambda: (learnt(traffic) or base).learned > due, worker, "it goes on learning")
    assert_answered_as_offline(traffic, registry, world)


def base_of(registry: Path) -> Parameters:
    return read_version(registry, "1")


def read_version(registry: Path, version: str) -> Parameters:
    artifact = Registry(registry).artifact(NAME, version)
    return read_parameters(artifact.manifest, artifact.files[artifact.manifest.estimator], "test")


def served(traffic: Traffic, world: World) -> str:
    """Which version answered the last event, of which another is sent each time."""
    world.send_events([EVENTS - 1])
    return str(max(answers(traffic), key=lambda answer: answer["source"]["offset"])["version"])


def answers(traffic: Traffic) -> list[dict[str, Any]]:
    return [json.loads(record.value or b"") for record in traffic.read("predictions")]


def assert_answered_as_offline(traffic: Traffic, registry: Path, world: World) -> None:
    """Each answer is what the version that it names gives offline, bit for bit."""
    found = answers(traffic)
    by_version: dict[str, list[dict[str, Any]]] = {}
    for answer in found:
        by_version.setdefault(answer["version"], []).append(answer)
    assert set(by_version) == {"1", "2"}
    for version, own in by_version.items():
        rows = world.rows[[int(answer["event_id"][1:]) for answer in own]]
        due = Registry(registry).load(NAME, version).predict(rows)
        assert [answer["prediction"] for answer in own] == due.values
        assert [answer["score"] for answer in own] == due.scores


@pytest.mark.parametrize("missing", ["topic", "version"])
def test_answers_do_not_depend_on_the_learner(missing: str, topics: Topics, tmp_path: Path) -> None:
    make_topics(topics)
    if missing == "version":
        topics.create("examples", 1)
    registry = tmp_path / "registry"
    world, traffic = World(topics, tmp_path), Traffic(topics)
    world.publish(registry)
    kafka = {"bootstrap_servers": topics.bootstrap_servers}
    roles, version = "predict,labels,learner", "9" if missing == "version" else "1"
    learning = {"WEIR_LEARNING__VERSION": version}
    with Worker(topics, registry, tmp_path / "worker", kafka, roles=roles, **learning) as worker:
        world.send_events(range(50))
        until(lambda: len(answers(traffic)) == 50, worker, "all is answered")
        until(worker.is_ready, worker, "it is ready")
        if missing == "version":
            assert worker.says("nothing learns", "no version 9")
            assert worker.says("nothing is told to the learner", "no version 9")
        else:
            assert worker.says("missing topics", topics.name("examples"))


def test_without_a_learner_nothing_is_kept_for_one(topics: Topics, tmp_path: Path) -> None:
    make_topics(topics)
    topics.create("examples", 1)
    registry = tmp_path / "registry"
    world, traffic = World(topics, tmp_path), Traffic(topics)
    world.publish(registry)
    kafka = {"bootstrap_servers": topics.bootstrap_servers}
    with Worker(topics, registry, tmp_path / "worker", kafka, roles="predict,labels,learner") as worker:
        world.send_labels(range(50))
        world.send_events(range(50))
        until(lambda: len(answers(traffic)) == 50, worker, "all is answered")
        status = json.loads(worker.ask("/status")[1])
        assert "learner" not in status["lanes"]
    assert traffic.read("examples") == []


def test_features_are_written_as_they_were_answered(topics: Topics, tmp_path: Path) -> None:
    make_topics(topics)
    topics.create("examples", 1)
    registry = tmp_path / "registry"
    world, traffic = World(topics, tmp_path), Traffic(topics)
    world.publish(registry)
    kafka = {"bootstrap_servers": topics.bootstrap_servers}
    with Worker(topics, registry, tmp_path / "worker", kafka, roles="predict", **LEARNING) as worker:
        world.send_events([*range(30), 5, 6])  # two of them again
        until(lambda: len(answers(traffic)) == 32, worker, "all is answered")
    told: dict[int, Any] = {}
    for record in traffic.read("examples"):
        example = decode_example(record.value or b"")
        assert isinstance(example, Answered)
        keys, rows = example.rows(2)
        assert told.keys().isdisjoint(keys.tolist())
        told |= dict(zip(keys.tolist(), rows.tolist(), strict=True))
    due = dict(zip(keys_of(f"e{n}" for n in range(30)).tolist(), world.rows[:30].tolist(), strict=True))
    assert told == due
