"""Requests that are published too: the same worker answers them on Kafka, and drift counts them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from streams.demo.broker import EmbeddedBroker
from streams.demo.processes import free_ports
from streams.kafka import event_publishing
from streams.kafka.client import client_config
from streams.kafka.event_publishing import EventPublishing, Fate
from streams.kafka.reading import Record
from streams.settings import KafkaSettings
from tests import waiting
from tests.faults.workload import FEATURES, MODEL, publish_model
from tests.kafka.test_several_models import RISK, publish_risk
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import PARTITIONS, Traffic, Worker, make_topics, until
from tests.unit.kafka.test_event_publishing import Books

TOTAL = "weir_http_published_total"
GOOD = dict.fromkeys(FEATURES, 0.25)


def post(port: int, body: Any, path: str = "/predict", **headers: str) -> tuple[Any, Any]:
    """The answer, and its headers."""
    headers = {"Content-Type": "application/json", **headers}
    request = Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), headers, method="POST")
    with urlopen(request, timeout=20) as answer:
        return json.load(answer), answer.headers


def by_event(records: list[Record]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        told = json.loads(record.value or b"")
        found.setdefault(told["event_id"], []).append(told)
    return found


def door_of(topics: Topics, folder: Path, servers: str, **more: str) -> tuple[Worker, int]:
    """A worker that publishes what it is asked, and its port."""
    port = free_ports(1)[0]
    more |= {"WEIR_HTTP__PORT": str(port), "WEIR_HTTP__PUBLISH": "true"}
    return Worker(topics, folder / "registry", folder / "worker", {"bootstrap_servers": servers}, **more), port


def test_requests_are_answered_on_kafka_too_and_observed(topics: Topics, tmp_path: Path) -> None:
    make_topics(topics)
    publish_model(tmp_path / "registry")
    publish_risk(tmp_path / "registry")
    traffic = Traffic(topics)
    worker, port = door_of(
        topics,
        tmp_path,
        topics.bootstrap_servers,
        roles="predict,http",
        WEIR_MODEL__NAME=MODEL,
        WEIR_MODEL__ALSO=RISK,
    )
    with worker:
        until(lambda: worker.is_ready() and worker.says("requests are published to Kafka"), worker, "it is ready")
        said = {"e-0": post(port, {"id": "e-0", "features": GOOD})[0]}
        listed = [{"id": f"e-{number}", "features": {**GOOD, FEATURES[0]: number}} for number in range(1, 50)]
        *answers, refused = post(port, {"events": [*listed, {"id": "bad"}]})[0]
        assert "error" in refused
        said |= {each["event_id"]: each for each in answers}
        to_risk, _ = post(port, {"id": "to risk", "features": GOOD}, **{"weir-model": RISK})
        result, headers = post(port, {"input": [0.25] * len(FEATURES)})
        post(port, {"id": "not this one", "features": GOOD}, **{"weir-publish": "false"})
        due = len(said) + 2
        until(lambda: len(traffic.read("predictions")) >= due, worker, "they are answered on Kafka")
        until(lambda: traffic.observed() >= due, worker, "and observed")
        counted = f'{TOTAL}{{fate="delivered",model="{MODEL}"}} 51.0'
        until(lambda: counted in worker.ask("/metrics")[1], worker, "they are counted")

        # What was answered before the stop is in the topic after it.
        post(port, {"id": "the last", "features": GOOD})
        assert worker.stop() == 0
    sent = traffic.read("events")
    assert {record.key for record in sent} >= {b"the last", b"to risk", b"e-0"}
    assert len(sent) == due + 1
    assert {dict(record.headers or ()).get("weir-door") for record in sent} == {b"http"}

    answers = by_event(traffic.read("predictions"))
    answers.pop("the last", None)
    assert all(len(each) == 1 for each in answers.values())  # each by the model that it was for
    for event_id, told in {**said, "to risk": to_risk}.items():
        [on_kafka] = answers.pop(event_id)
        shared = {name: value for name, value in on_kafka.items() if name not in ("id", "source")}
        assert shared == told
    [(event_id, [on_input])] = answers.items()
    assert event_id == f"{headers['weir-event-id']}-0"
    assert on_input["prediction"] == result["result"]
    assert traffic.read("dead-letters") == []


def test_without_a_broker_replies_come_and_what_is_not_published_is_counted(topics: Topics, tmp_path: Path) -> None:
    publish_model(tmp_path / "registry")
    worker, port = door_of(topics, tmp_path, f"127.0.0.1:{free_ports(1)[0]}", roles="http")
    with worker:
        until(worker.is_ready, worker, "it is ready")
        for number in range(5):
            assert post(port, {"id": f"e-{number}", "features": GOOD})[0]["event_id"] == f"e-{number}"
        assert f'{TOTAL}{{fate="not_connected",model="{MODEL}"}} 5.0' in worker.ask("/metrics")[1]
        assert worker.says("requests are not published", "no Kafka broker answered")


def test_a_broker_that_goes_away_makes_nobody_wait(embedded: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_publishing, "DELIVERY_S", 1.0)
    books = Books()
    topics = Topics(embedded.bootstrap_servers)
    full = topics.create("events", PARTITIONS)
    config = client_config(KafkaSettings(bootstrap_servers=embedded.bootstrap_servers))
    publishing = EventPublishing(config, full, books, names_model=False)
    publishing.start()
    waiting.until(lambda: publishing._producer is not None, "it is connected")
    publishing.offer("m", [(b"a", b"1")], 0)
    waiting.until(lambda: books.fates[Fate.DELIVERED] == 1, "it is delivered")
    embedded.close()
    publishing.offer("m", [(b"b", b"2")] * 3, 0)
    waiting.until(lambda: books.fates[Fate.FAILED] == 3, "the others are given up")
    publishing.close()
    assert books.fates.total() == 4
