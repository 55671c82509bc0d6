"""Labels as producers send them, and what a running worker makes of them: each joined once, whatever happens."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer

from streams.joining.records import Answers, decode_join
from tests.faults.workload import FEATURES, MODEL, publish_model
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import PARTITIONS, Traffic, Worker, make_topics, until

CALM, DRIFTED = 3000, 1500
RATE = 200
ROLES = "predict,drift,labels"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "registry"
    publish_model(folder)
    return folder


class World:
    """Events whose truth is what the model thinks, but for one in twenty, and later one in two."""

    def __init__(self, topics: Topics) -> None:
        rng = np.random.default_rng(5)
        rows = rng.normal(size=(CALM + DRIFTED, len(FEATURES))).round(4)
        self._model = (rows @ [1.0, -0.5, 0.25, 0.0] > 0).astype(int)
        wrong = rng.random(len(rows)) < np.where(np.arange(len(rows)) < CALM, 0.05, 0.5)
        self.truth = np.where(wrong, 1 - self._model, self._model).tolist()
        self._rows, self._topics = rows.tolist(), topics
        self._start = int(time.time() * 1000) - len(rows) * 1000 // RATE
        self._producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})

    def send_events(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            features = dict(zip(FEATURES, self._rows[number], strict=True))
            event = {"id": f"e{number}", "time": self._start + number * 1000 // RATE, "features": features}
            self._send("events", event, number)

    def send_labels(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._send("labels", {"event_id": f"e{number}", "label": self.truth[number]}, number * 7)

    def send_bad_label(self) -> None:
        self._send("labels", {"event_id": "e1"}, 0)

    def _send(self, topic: str, record: dict[str, Any], number: int) -> None:
        self._producer.produce(self._topics.name(topic), json.dumps(record), partition=number % PARTITIONS)
        self._producer.poll(0)

    def flush(self) -> None:
        assert self._producer.flush(30) == 0


def outcomes(traffic: Traffic) -> int:
    """Joined answers that the observations count."""
    total = 0
    for record in traffic.read("observations"):
        observation = json.loads(record.value or b"{}")
        if observation.get("stream") == "outcomes":
            total += sum(each["events"] for each in observation.get("slices", []))
    return total


def test_every_label_finds_its_answer_once_and_a_model_that_is_wrong_is_a_page(
    topics: Topics, registry: Path, tmp_path: Path
) -> None:
    make_topics(topics)
    traffic, world = Traffic(topics), World(topics)
    kafka = {"bootstrap_servers": topics.bootstrap_servers, "delivery": topics.delivery}
    early, late = range(500), range(500, CALM + DRIFTED - 200)  # the last ones never get a label

    with Worker(topics, registry, tmp_path / "worker", kafka, roles=ROLES) as worker:
        until(worker.is_ready, worker, "it is ready")
        world.send_labels(early)
        world.send_events(range(2000))
        world.send_labels(range(500, 1500))
        world.send_labels(range(400, 600))  # again
        world.send_labels([10**5 % (CALM + DRIFTED)])
        world.send_bad_label()
        world.flush()
        until(lambda: len(traffic.read("predictions")) == 2000, worker, "the first are answered")
        assert worker.process is not None
        worker.process.kill()
        worker.process.wait()
        world.send_events(range(2000, CALM + DRIFTED))
        world.send_labels(range(1500, late.stop))
        world.flush()
        worker.start()
        joined = len(early) + len(late)
        until(lambda: outcomes(traffic) >= joined, worker, "every label is joined")
        until(lambda: "concept" in {alert["kind"] for alert in firing(traffic)}, worker, "the page")
        metrics = worker.ask("/metrics")[1]
        assert 'weir_label_join_total{fate="joined"}' in metrics
        assert "weir_label_join_entries{partition=" in metrics
    assert outcomes(traffic) == joined
    assert told_to_the_join(traffic) == Counter({f"e{n}": 1 for n in range(CALM + DRIFTED)})
    page = next(alert for alert in firing(traffic) if alert["signal"] == {"metric": "error"})
    assert (page["severity"], page["model"]) == ("page", MODEL)
    assert page["reference"]["shares"]["true"] == pytest.approx(0.05, abs=0.03)
    # Labels come in any order, so the first blocks that tell may hold calm outcomes beside drifted ones.
    assert page["current"]["shares"]["true"] > 2 * page["reference"]["shares"]["true"]
    assert worker.says("labels refused", "label", topics.name("labels"))


def firing(traffic: Traffic) -> list[dict[str, Any]]:
    alerts = (json.loads(record.value or b"") for record in traffic.read("alerts"))
    return [alert for alert in alerts if alert["state"] == "firing"]


def told_to_the_join(traffic: Traffic) -> Counter[str]:
    told: Counter[str] = Counter()
    for record in traffic.read("joins"):
        entries = decode_join(record.value or b"")
        if isinstance(entries, Answers):
            told.update(entries.ids)
    return told


@pytest.mark.parametrize("missing", ["labels", "joins"])
def test_answers_do_not_depend_on_labels(missing: str, topics: Topics, registry: Path, tmp_path: Path) -> None:
    make_topics(topics, but=missing)
    traffic = Traffic(topics)
    kafka = {"bootstrap_servers": topics.bootstrap_servers}
    with Worker(topics, registry, tmp_path / "worker", kafka, roles=ROLES) as worker:
        traffic.send()
        until(traffic.is_answered, worker, "all is answered")
        until(worker.is_ready, worker, "it is ready")
        assert worker.says("missing topics", topics.name(missing), "weir topics create")
        assert missing != "joins" or worker.says("going on without", topics.name("joins"))
    traffic.assert_exactly_once()


def test_without_labels_nothing_is_kept_for_them(topics: Topics, registry: Path, tmp_path: Path) -> None:
    make_topics(topics)
    traffic = Traffic(topics)
    kafka = {"bootstrap_servers": topics.bootstrap_servers}
    off = {"WEIR_LABELS__ENABLED": "false"}
    with Worker(topics, registry, tmp_path / "worker", kafka, roles=ROLES, **off) as worker:
        traffic.send()
        until(traffic.is_answered, worker, "all is answered")
        status = json.loads(worker.ask("/status")[1])
        assert status["lanes"].keys() == {"predict", "drift", "control"}
    assert traffic.read("joins") == []
