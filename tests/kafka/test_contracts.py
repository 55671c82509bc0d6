"""The contracts on a real broker: code of the pages runs, and what a worker publishes fits the schemas."""

from __future__ import annotations

import json
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from confluent_kafka import Producer
from jsonschema import Draft202012Validator
from sklearn.linear_model import LogisticRegression

from models.schema import Feature, InputSchema
from streams.contract_documents.records import record_contracts
from streams.contract_documents.snippets import (
    JAVA_CONSUMER,
    JAVA_PRODUCER,
    KCAT_CONSUMER,
    KCAT_PRODUCER,
    PYTHON_CLOUD_EVENT,
    PYTHON_CONSUMER,
    PYTHON_PRODUCER,
)
from streams.kafka.reading import Record
from streams.modelling import publish_estimator
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import Traffic, Worker, make_topics, until

SOURCE = "https://shop.example/weir"
STRUCTURED = {"specversion": "1.0", "id": "s-1", "source": "/crm", "type": "customer.updated"}
DATA = {"features": {"calls": 3.2, "minutes": 0.4}}


class House(NamedTuple):
    """A worker with the model of the pages, and its topics."""

    topics: Topics
    worker: Worker
    traffic: Traffic
    folder: Path

    def local(self, text: str) -> str:
        """A snippet for this broker, these topics."""
        text = text.replace("127.0.0.1:9092", self.topics.bootstrap_servers).replace(
            "my-service", self.topics.name("us")
        )
        text = re.sub(r"-t (events|predictions)\b", lambda found: f"-t {self.topics.name(found[1])}", text)
        return re.sub(r'"(events|predictions)"', lambda found: f'"{self.topics.name(found[1])}"', text)

    def answered(self) -> dict[str, Record]:
        return {json.loads(record.value or b"")["event_id"]: record for record in self.traffic.read("predictions")}

    def rejected(self) -> list[dict[str, str]]:
        letters = self.traffic.read("dead-letters")
        return [{name: (value or b"").decode() for name, value in letter.headers or ()} for letter in letters]

    def await_answers(self, *ids: str) -> None:
        until(lambda: set(ids) <= set(self.answered()), self.worker, f"answers to {ids}")


@pytest.fixture
def house(topics: Topics, tmp_path: Path) -> Iterator[House]:
    make_topics(topics)
    rows = np.random.default_rng(0).normal(size=(200, 2))
    target = (rows[:, 0] > rows[:, 1]).astype(int)
    schema = InputSchema((Feature("calls"), Feature("minutes")))
    registry = tmp_path / "registry"
    publish_estimator(registry, "churn", LogisticRegression().fit(rows, target), schema, rows, target=target.tolist())
    kafka = {"bootstrap_servers": topics.bootstrap_servers}
    worker = Worker(topics, registry, tmp_path / "w", kafka, WEIR_WORKER__CLOUDEVENTS_SOURCE=SOURCE)
    with worker:
        yield House(topics, worker, Traffic(topics), tmp_path)


@contextmanager
def reading(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None and process.stderr is not None
    assert select.select([process.stdout], [], [], 60)[0], "nothing was read"
    return process.stdout.readline() or process.stderr.read()


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def assert_fits(name: str, value: Any) -> None:
    (record,) = (record for record in record_contracts() if record.name == name)
    Draft202012Validator(record.document).validate(value)


def test_python_of_the_pages_and_cloud_events_in_and_out(house: House) -> None:
    run(sys.executable, "-c", house.local(PYTHON_PRODUCER))
    run(sys.executable, "-c", house.local(PYTHON_CLOUD_EVENT))
    producer = Producer({"bootstrap.servers": house.topics.bootstrap_servers, "log_level": 2})
    events, declared = house.topics.name("events"), [("content-type", b"application/cloudevents+json")]
    structured = [json.dumps({**STRUCTURED, "id": f"s-{number}", "data": DATA}) for number in (1, 2)]
    producer.produce(events, structured[0], headers=declared)
    producer.produce(events, structured[1])
    bad = json.dumps({**STRUCTURED, "specversion": "0.3", "data": DATA}).encode()
    producer.produce(events, bad)
    headers = [("ce_specversion", b"1.0"), ("ce_id", b"b-1"), ("ce_source", b"/crm"), ("ce_type", b"t")]
    producer.produce(events, b'{"features": {}}', headers=headers)
    assert producer.flush(30) == 0
    house.await_answers("e-1", "e-2", "s-1", "s-2")
    until(lambda: len(house.rejected()) == 2, house.worker, "two dead letters")
    for record in house.answered().values():
        prediction, envelope = json.loads(record.value or b""), dict(record.headers or ())
        assert_fits("prediction", prediction)
        assert_fits("prediction-headers", {name: value.decode() for name, value in envelope.items()})
        assert envelope["ce_id"].decode() == prediction["id"]
        assert (envelope["ce_source"].decode(), envelope["content-type"]) == (SOURCE, b"application/json")
        assert envelope["ce_time"].decode() == prediction["time"]
    letters = {letter["weir-reason"]: letter for letter in house.rejected()}
    assert set(letters) == {"framed", "feature_missing"}
    for letter in letters.values():
        assert_fits("dead-letter-headers", letter)
    assert letters["feature_missing"]["ce_id"] == "b-1"
    values = {record.value for record in house.traffic.read("dead-letters")}
    assert values == {bad, b'{"features": {}}'}
    for record in house.traffic.read("observations"):
        assert_fits("observation", json.loads(record.value or b""))
    with reading([sys.executable, "-u", "-c", house.local(PYTHON_CONSUMER)]) as process:
        assert "event_id" in first_line(process)


def test_java_of_the_pages(house: House, javac: tuple[str, str]) -> None:
    java = str(shutil.which("java", path=str(Path(javac[0]).parent)) or shutil.which("java"))
    command = [java, "-XX:TieredStopAtLevel=1", "-cp", javac[1]]
    for name, text in (("Produce", JAVA_PRODUCER), ("Consume", JAVA_CONSUMER)):
        (house.folder / f"{name}.java").write_text(house.local(text))
    run(*command, str(house.folder / "Produce.java"))
    house.await_answers("e-1")
    with reading([*command, str(house.folder / "Consume.java")]) as process:
        key, _, value = first_line(process).partition(" ")
    assert (key, json.loads(value)["event_id"]) == ("anna", "e-1")


@pytest.mark.usefixtures("kcat")
def test_kcat_of_the_pages(house: House) -> None:
    run("sh", "-c", house.local(KCAT_PRODUCER))
    house.await_answers("e-1")
    with reading(["sh", "-c", f"exec {house.local(KCAT_CONSUMER)}"]) as process:
        key, _, value = first_line(process).partition(" ")
    assert (key, json.loads(value)["event_id"]) == ("anna", "e-1")
