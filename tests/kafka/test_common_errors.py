"""The errors that people make most, with a real worker: one line says what, where, the likely cause and the fix.

No model: tests/unit/cli/test_worker.py. No right: tests/security/test_rights.py.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.faults.workload import publish_model
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import Worker, make_topics, until


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    publish_model(tmp_path / "registry")
    return tmp_path / "registry"


def test_a_wrong_broker(topics: Topics, registry: Path, tmp_path: Path) -> None:
    nowhere = "127.0.0.1:9"
    with Worker(topics, registry, tmp_path / "worker", {"bootstrap_servers": nowhere}, roles="predict") as worker:
        said = [f"the broker at {nowhere} does not answer", "Connection refused", "likely cause: it is not running"]
        until(lambda: worker.says(*said, "fix: correct them, or start one with `weir broker`"), worker, "it says so")
        assert not worker.is_ready()


def test_a_missing_topic_and_a_wrong_schema(topics: Topics, registry: Path, tmp_path: Path) -> None:
    make_topics(topics, but="predictions")
    kafka = {"bootstrap_servers": topics.bootstrap_servers}
    with Worker(topics, registry, tmp_path / "worker", kafka, roles="predict") as worker:
        said = [f"missing topics: {topics.name('predictions')}", "likely cause: they were not made yet"]
        until(lambda: worker.says(*said, "fix: `weir topics create`"), worker, "it names the topic")
        topics.create("predictions", 2)
        until(worker.is_ready, worker, "it goes on")
        producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})
        producer.produce(topics.name("events"), json.dumps({"id": "e", "features": {"temperature": 21.5}}))
        assert producer.flush(30) == 0
        said = ["most events become dead letters", '"reasons": {"feature_missing": 1}', "reading_0"]
        until(lambda: worker.says(*said, "fix", "weir dlq list"), worker, "it says what is wrong with the events")
        assert worker.says(f"{topics.name('events')}/")
        assert "21.5" not in worker.log()
