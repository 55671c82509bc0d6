"""A model raises on some rows, then hangs, then recovers: the ladder answers in its place, and nothing is lost."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from confluent_kafka import Producer
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from models.fallback import Fallback
from models.schema import Feature, InputSchema
from streams.cli.main import app
from streams.modelling import publish_estimator
from tests.conftest import ROOT
from tests.faults.workload import FEATURES, MODEL
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import PARTITIONS, Traffic, Worker, make_topics, until

LIMIT = 1.0
"""Rows whose first feature is above it are those to blame: one in ten."""

RARE = 2.0
"""One row in 200 is above it, by a little."""

RULE = f"1 if {FEATURES[1]} / {FEATURES[2]} > 0 else 0"
"""Has no answer where the third feature is 0: there the default stands."""

ROWS = 200


class Row(NamedTuple):
    """One event's features."""

    values: list[float]

    @property
    def blamed(self) -> bool:
        return self.values[0] > LIMIT

    @property
    def by_rule(self) -> tuple[str, int]:
        """Which of rule and default answers, and what."""
        _, a, b, _ = self.values
        return ("rule", int(a / b > 0)) if b else ("default", 0)


class Events:
    """Rows sent, by event id, and what was answered to them."""

    def __init__(self, topics: Topics) -> None:
        self._producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})
        self._topic, self._traffic = topics.name("events"), Traffic(topics)
        self.rows: dict[str, Row] = {}
        self._made = self._make()

    @staticmethod
    def _make() -> Iterator[Row]:
        rng, number = np.random.default_rng(5), 0
        while True:
            values = rng.uniform(-LIMIT, LIMIT, len(FEATURES)).round(3).tolist()
            values[0] = RARE if number % 10 == 3 else values[0]
            values[0] = RARE + 0.5 if number % 200 == 103 else values[0]
            values[2] = 0.0 if number % 20 in (3, 7) else values[2]
            number += 1
            yield Row(values)

    def send(self, count: int = ROWS) -> set[str]:
        """Ids of events that are sent now."""
        sent = set()
        for row in islice(self._made, count):
            number = len(self.rows)
            self.rows[f"e{number}"] = row
            sent.add(f"e{number}")
            value = {"id": f"e{number}", "features": dict(zip(FEATURES, row.values, strict=True))}
            self._producer.produce(self._topic, json.dumps(value), partition=number % PARTITIONS)
        assert self._producer.flush(30) == 0
        return sent

    def answers(self) -> list[dict[str, Any]]:
        return [json.loads(record.value or b"") for record in self._traffic.read("predictions")]

    def answers_to(self, sent: set[str], worker: Worker) -> list[dict[str, Any]]:
        """Of these events, once all have one."""
        until(lambda: sent <= {answer["event_id"] for answer in self.answers()}, worker, "all are answered", 120)
        return [answer for answer in self.answers() if answer["event_id"] in sent]

    def assert_each_once(self) -> None:
        """Answered once, in the order of its partition, and observed once; no dead letter."""
        answers = self.answers()
        assert Counter(answer["event_id"] for answer in answers) == Counter(list(self.rows))
        for partition in range(PARTITIONS):
            offsets = [a["source"]["offset"] for a in answers if a["source"]["partition"] == partition]
            assert offsets == sorted(offsets)
        assert self._traffic.read("dead-letters") == []
        assert self._traffic.observed() == len(self.rows)


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """Two versions that answer the same row differently."""
    rng, folder = np.random.default_rng(1), tmp_path / "registry"
    rows = rng.normal(size=(2000, len(FEATURES)))
    schema = InputSchema(tuple(Feature(name) for name in FEATURES))
    fallback = Fallback(previous=True, rule=RULE, default=0)
    for weights in ([-3.0, 1.0, 0.0, 0.0], [3.0, 0.0, 1.0, 0.0]):
        target = (rows @ weights + rng.normal(scale=0.5, size=len(rows)) > 0).astype(int)
        estimator = LogisticRegression().fit(rows, target)
        publish_estimator(folder, MODEL, estimator, schema, rows, target=target.tolist(), fallback=fallback)
    return folder


@pytest.mark.timeout(400)
def test_rows_to_blame_go_down_the_ladder_and_the_model_comes_back_by_itself(
    topics: Topics, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))))
    make_topics(topics)
    events, folder = Events(topics), tmp_path / "worker"
    kafka = {"bootstrap_servers": topics.bootstrap_servers, "delivery": topics.delivery}
    worker = Worker(
        topics, registry, folder, kafka, fault="told", WEIR_MODEL__ISOLATION="process", WEIR_MODEL__DEADLINE_MS="400"
    )

    def metric(name: str, **labels: str) -> float:
        told = ",".join(f'{key}="{value}"' for key, value in {"model": MODEL, **labels}.items())
        lines = [line for line in worker.ask("/metrics")[1].splitlines() if line.startswith(f"{name}{{{told}}} ")]
        return float(lines[0].rpartition(" ")[2]) if lines else 0.0

    def by_model(answer: dict[str, Any]) -> bool:
        served = (answer["served_by"], answer["version"], answer["degraded"], answer.get("reason"))
        return served == ("model", "2", False, None)

    with worker:
        until(worker.is_ready, worker, "it is ready", 60)
        promoted = CliRunner().invoke(app, ["model", "promote", MODEL, "2", "--author", "ann"], env=worker.environment)
        assert promoted.exit_code == 0, promoted.output
        until(lambda: worker.says("the next batch is answered by", '"2"'), worker, "it changes over", 60)
        assert all(by_model(answer) for answer in events.answers_to(events.send(), worker))
        assigned = worker.log().count('"event": "assigned"')

        (folder / "fault-2").write_text(f"raising-above:{LIMIT}")
        for answer in events.answers_to(events.send(), worker):
            served = (answer["served_by"], answer["version"], answer["degraded"], answer.get("reason"))
            blamed = events.rows[answer["event_id"]].blamed
            assert served == (("previous", "1", True, "model_error") if blamed else ("model", "2", False, None))
            if blamed:
                assert answer["prediction"] == 0, "as version 1 has it, not 2"
                assert answer["score"] < 0.5
        assert metric("weir_degraded", rung="previous") > 0
        assert worker.log().count("degraded: answers come from the fallback") == 1

        (folder / "fault-1").write_text(f"raising-above:{LIMIT}")
        for answer in events.answers_to(events.send(), worker):
            row = events.rows[answer["event_id"]]
            if not row.blamed:
                assert by_model(answer)
                continue
            assert (answer["served_by"], answer["prediction"]) == row.by_rule
            assert (answer["version"], answer["reason"], "score" in answer) == ("2", "model_error", False)
        assert not worker.says("circuit open")

        (folder / "fault-1").write_text("raising")
        (folder / "fault-2").write_text("hang")
        for _ in range(4):
            for answer in events.answers_to(events.send(50), worker):
                assert (answer["served_by"], answer["prediction"]) == events.rows[answer["event_id"]].by_rule
                assert answer["reason"] == "model_deadline"
        assert worker.says("circuit open", "no answer within")
        assert metric("weir_breaker_open") == 1
        assert worker.log().count('"event": "assigned"') == assigned, "the group kept it all along"

        (folder / "fault-1").unlink()
        (folder / "fault-2").unlink()

        def recovered() -> bool:
            return all(by_model(answer) for answer in events.answers_to(events.send(20), worker))

        until(recovered, worker, "the model answers again", 120)
        assert metric("weir_breaker_open") == 0
        history = json.loads(worker.ask("/status")[1])["breakers"][MODEL]
        states = [turn["state"] for turn in history]
        assert (states[0], states[-2:]) == ("open", ["half_open", "closed"])
    events.assert_each_once()


def blamed_above(limit: float) -> Callable[[Row], bool]:
    return lambda row: row.values[0] > limit


MISBEHAVIOURS: dict[str, tuple[Callable[[Row], bool], str | None]] = {
    "slow:0.15": (lambda _row: False, None),
    f"raising-above:{RARE}": (blamed_above(RARE), "model_error"),
    f"raising-above:{LIMIT}": (blamed_above(LIMIT), "model_error"),
    f"nan-above:{LIMIT}": (blamed_above(LIMIT), "model_output"),
    "raising": (lambda _row: True, "model_error"),
}
"""What a model does, which rows are to blame, and why. The last one may open the breaker, whose reason stays."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_however_a_model_misbehaves_only_rows_to_blame_are_answered_by_another(
    topics: Topics, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolation: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))))
    make_topics(topics)
    events, folder = Events(topics), tmp_path / "worker"
    kafka = {"bootstrap_servers": topics.bootstrap_servers, "delivery": topics.delivery}
    worker = Worker(topics, registry, folder, kafka, fault="told", WEIR_MODEL__ISOLATION=isolation)
    with worker:
        until(worker.is_ready, worker, "it is ready", 60)
        assigned = worker.log().count('"event": "assigned"')
        for fault, (blamed, reason) in MISBEHAVIOURS.items():
            (folder / "fault-1").write_text(fault)
            for answer in events.answers_to(events.send(), worker):
                row = events.rows[answer["event_id"]]
                served = (answer["served_by"], answer["degraded"], answer.get("reason"))
                if blamed(row):
                    assert served == (row.by_rule[0], True, reason), fault
                    assert answer["prediction"] == row.by_rule[1]
                else:
                    assert served == ("model", False, None), fault
        assert worker.log().count('"event": "assigned"') == assigned, "the group kept it all along"
    events.assert_each_once()
