"""`weir why`: what became of an event, found on a real broker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from streams.cli.main import app
from tests.faults.workload import FEATURES, MODEL, publish_model
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import PARTITIONS, Traffic, Worker, make_topics, until


class Asked:
    """Topics, a producer whose partitioner is librdkafka's own, and the command."""

    def __init__(self, topics: Topics) -> None:
        make_topics(topics)
        self.topics, self.traffic = topics, Traffic(topics)
        self._producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})
        self._env = {
            "WEIR_KAFKA__BOOTSTRAP_SERVERS": topics.bootstrap_servers,
            "WEIR_KAFKA__GROUP": topics.name("weir"),
            "WEIR_TOPICS__PREFIX": topics.prefix,
        }

    def send(self, value: dict[str, Any] | bytes, key: str = "k", topic: str = "events") -> None:
        encoded = value if isinstance(value, bytes) else json.dumps(value).encode()
        self._producer.produce(self.topics.name(topic), encoded, key)
        assert self._producer.flush(30) == 0

    def event(self, id_: str, key: str = "k", **features: Any) -> None:
        self.send({"id": id_, "features": {**dict.fromkeys(FEATURES, 0.5), **features}}, key)

    def dlq(self, *arguments: str) -> None:
        result = CliRunner().invoke(app, ["dlq", *arguments], env=self._env)
        assert result.exit_code == 0, result.stderr

    def why(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        result = CliRunner().invoke(app, ["why", *arguments, "--json"], env=self._env)
        assert result.exit_code == code, result.stderr
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def text(self, *arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, ["why", *arguments], env=self._env)
        assert result.exit_code == code, result.stderr
        return result.stdout + result.stderr


@pytest.fixture
def asked(topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.chdir(tmp_path)
    return Asked(topics)


def test_what_became_of_each_event_is_told(asked: Asked, tmp_path: Path) -> None:
    topics, since = asked.topics, ("--since", "1h")
    publish_model(tmp_path / "registry")
    for id_, key in (("good", "anna"), ('é"\\', "ben"), ("twice", "carl"), ("twice", "carl")):
        asked.event(id_, key)
    asked.event("bad", "dora", **{FEATURES[0]: "text"})
    asked.send(b'{"id": "broken", ', "emil")
    asked.send({"event_id": "good", "label": 1}, "good", "labels")
    kafka = {"bootstrap_servers": topics.bootstrap_servers}
    with Worker(topics, tmp_path / "registry", tmp_path / "worker", kafka, roles="predict,labels") as worker:
        until(lambda: len(asked.traffic.read("predictions")) == 4, worker, "the good ones are answered")
        until(lambda: len(asked.traffic.read("dead-letters")) == 2, worker, "the bad ones are not")
        until(lambda: asked.why("good", *since)["joins"][0]["state"] == "joined", worker, "the label is joined")

    found = asked.why("good", *since)
    (event,) = found["events"]
    (answer,) = event["answers"]
    assert (event["state"], event["key"], event["dead_letters"]) == ("answered", "anna", [])
    assert answer["prediction"]["id"] == f"{event['event']}/{MODEL}"
    assert (answer["prediction"]["event_id"], answer["prediction"]["served_by"]) == ("good", "model")
    assert 0 <= answer["after_ms"] < 120_000
    records = {f"{r.topic}/{r.partition}/{r.offset}": r for r in asked.traffic.read("predictions")}
    assert json.loads(records[answer["record"]].value or b"")["event_id"] == "good"
    assert [label["label"] for label in found["labels"]] == [1]
    assert found["joins"][0]["label"]["label"] == 1

    assert asked.why('é"\\', *since)["events"][0]["state"] == "answered"
    assert [each["answers"][0]["prediction"].get("duplicate_of") for each in asked.why("twice", *since)["events"]] == [
        None,
        asked.why("twice", *since)["events"][0]["answers"][0]["prediction"]["id"],
    ]
    (event,) = asked.why("bad", *since)["events"]
    (letter,) = event["dead_letters"]
    assert (event["state"], letter["reason"], letter["stage"], letter["model"]) == (
        "rejected",
        "feature_type",
        "validate",
        MODEL,
    )
    (event,) = asked.why("broken", *since)["events"]
    assert (event["found_by"], event["dead_letters"][0]["reason"]) == ("text", "json")
    text = asked.text("bad", *since)
    assert "feature_type" in text
    assert letter["fix"] in text

    only = asked.why("good", *since, "--key", "anna")
    assert list(only["searched"]["offsets"]) == [str(only["events"][0]["partition"])]
    assert asked.why("good", *since, "--model", "another")["events"][0]["state"] == "no outcome found"

    asked.dlq("redrive", "--reason", "feature_type", "--yes")
    first, again = asked.why("bad", *since)["events"]
    assert first["dead_letters"][0]["sent_again_as"] == again["event"]
    assert (again["sent_again_from"], again["state"]) == (first["dead_letters"][0]["record"], "not answered yet")
    assert again["lag"] == 1


def test_an_event_that_nobody_has_read_yet_waits(asked: Asked) -> None:
    asked.event("early")
    (event,) = asked.why("early", "--since", "1h")["events"]
    assert (event["state"], event["committed_offset"], event["lag"]) == ("not answered yet", None, 1)
    assert "not yet" in asked.text("early", "--since", "1h")


def test_a_label_that_cannot_be_read_is_told_beside_those_that_can(asked: Asked) -> None:
    asked.event("early")
    bad = b'{"event_id": "early", "label": 1e999}'
    for label in (bad, {"event_id": "early", "label": "yes"}):
        asked.send(label, "early", "labels")
    found = asked.why("early", "--since", "1h")["labels"]
    assert [(each["label"], each["readable"]) for each in found] == [(None, False), ("yes", True)]
    told = asked.text("early", "--since", "1h")
    assert f"a label that cannot be read, {found[0]['record']}" in told and "'yes'" in told


def test_an_event_that_is_not_there_is_exit_4_with_what_was_searched(asked: Asked) -> None:
    asked.event("there")
    found = asked.why("missing", "--since", "1h", code=4)
    assert found["events"] == []
    assert set(found["searched"]["offsets"]) == {str(partition) for partition in range(PARTITIONS)}
    assert sum(end - start for start, end in found["searched"]["offsets"].values()) == 1
    assert "1 offsets read" in asked.text("missing", "--since", "1h", code=4)
    assert asked.why("there", "--since", "2999-01-01T00:00:00Z", code=4)["events"] == []
    assert asked.why("there", "--since", "2h", "--until", "1h", code=4)["events"] == []
    assert "no such partition" in asked.text("there", "--since", "1h", "--partition", "9", code=4)
