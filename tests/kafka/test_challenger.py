"""A challenger under load: a shadow publishes nothing, a canary answers its share of the keys, labels decide though the
worker that counts is killed, and one that misbehaves harms nobody."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import pytest
from confluent_kafka import Producer
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from drift.challenge import PAIRS, PairCounts
from drift.comparison import Comparison, observed
from drift.observation import Observation
from models.registry import Registry
from models.schema import Feature, InputSchema
from streams.cli.main import app
from streams.decide.canary import in_share
from streams.modelling import publish_estimator
from tests.faults.workload import FEATURES, MODEL
from tests.kafka.test_promote import Answers
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import PARTITIONS, Traffic, Worker, make_topics, until

TRUTH = np.array([1.0, 1.0, -1.0, 0.0])
WEIGHTS = {"1": [1.0, -0.5, 0.25, 0.0], "2": TRUTH.tolist()}
"""Version 2 has learned the truth, version 1 is right about two times in three."""
KEYS = 40
SHARE = 0.3
CHUNK = 100
PAIRS_NEEDED = 5000


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    rng, folder = np.random.default_rng(1), tmp_path / "registry"
    rows = rng.normal(size=(2000, len(FEATURES)))
    schema = InputSchema(tuple(Feature(name) for name in FEATURES))
    for weights in WEIGHTS.values():
        target = (rows @ weights + rng.normal(scale=0.2, size=len(rows)) > 0).astype(int)
        publish_estimator(folder, MODEL, LogisticRegression().fit(rows, target), schema, rows, target=target.tolist())
    return folder


class Load:
    """Keyed events, and once it is told so the label of each. A context manager."""

    def __init__(self, topics: Topics) -> None:
        self._producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})
        self._topics = topics
        self._stop, self.labels = threading.Event(), threading.Event()
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
                partition = number % PARTITIONS
                self._produce("events", event, key_of(number), partition)
                if self.labels.is_set():
                    label = {"event_id": f"e{number}", "label": int(np.dot(row, TRUTH) > 0)}
                    self._produce("labels", label, None, partition)
            self._producer.poll(0)

    def _produce(self, topic: str, record: dict[str, Any], key: bytes | None, partition: int) -> None:
        self._producer.produce(self._topics.name(topic), json.dumps(record), key, partition=partition)


def key_of(number: int) -> bytes:
    return f"customer-{number // PARTITIONS % KEYS}".encode()


CANARIES = {key for key in map(key_of, range(KEYS * PARTITIONS)) if in_share(MODEL, [key], SHARE)[0]}


def number_of(answer: dict[str, Any]) -> int:
    return int(answer["event_id"][1:])


class Commands:
    """`weir model …` with the settings of a worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def __call__(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        told = CliRunner().invoke(app, ["model", *arguments, "--json"], env=self._worker.environment)
        return told.exit_code, json.loads(told.stdout) if told.stdout else {"why": told.stderr}

    def challenges(self) -> list[dict[str, Any]]:
        """What `weir status` tells of them."""
        told = CliRunner().invoke(app, ["status", "--json"], env=self._worker.environment)
        names = ("name", "active", "version", "share")
        return [{name: each[name] for name in names} for each in json.loads(told.stdout)["challenges"]]


def metric(worker: Worker, name: str) -> float:
    """The sum of a metric of a worker, whatever its other labels."""
    lines = worker.ask("/metrics")[1].splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def assert_answers_are_their_versions_own(answers: Answers, rows: list[list[float]], registry: Path) -> None:
    """Each event once, each partition in its order, each answer what the version that it names says offline."""
    assert Counter(answer["event_id"] for answer in answers) == Counter(f"e{n}" for n in range(len(rows)))
    for own in answers.by_partition.values():
        offsets = [answer["source"]["offset"] for answer in own]
        assert offsets == sorted(offsets)
    for version in {answer["version"] for answer in answers}:
        given = [answer for answer in answers if answer["version"] == version]
        offline = Registry(registry).load(MODEL, version).predict(np.array([rows[number_of(each)] for each in given]))
        assert [answer["prediction"] for answer in given] == offline.values
        assert [answer["score"] for answer in given] == offline.scores
        assert {(answer["served_by"], answer["degraded"]) for answer in given} == {("model", False)}


def test_a_challenger_is_a_shadow_then_a_canary_and_labels_promote_it(
    topics: Topics, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_topics(topics)
    traffic = Traffic(topics)
    kafka = {"bootstrap_servers": topics.bootstrap_servers, "delivery": topics.delivery}

    def versions() -> set[str]:
        return {answer["version"] for answer in Answers(traffic)}

    budget = {"WEIR_MODEL__CHALLENGER_BUDGET_MS": "5000"}
    other = Worker(topics, registry, tmp_path / "other", kafka, roles="predict", WEIR_WORKER__SLOT="1", **budget)
    first = Worker(topics, registry, tmp_path / "first", kafka, roles="predict,drift,labels", **budget)
    weir = Commands(first)
    with first, other:
        until(lambda: first.is_ready() and other.is_ready(), first, "both are ready")
        with Load(topics) as load:
            assert weir("compare", MODEL)[0] == 1
            told = weir("shadow", MODEL, "2", "--reason", "a try")[1]
            assert told["why"].startswith(f"revision 1 of model/{MODEL}; version 1, the registry's default, answers")
            answered = f'weir_challenger_rows_total{{model="{MODEL}",result="answered"}}'
            until(lambda: all(metric(each, answered) > 500 for each in (first, other)), first, "it scores everywhere")
            assert versions() == {"1"}
            assert weir.challenges() == [{"name": MODEL, "active": "1", "version": "2", "share": 0.0}]
            refused = CliRunner().invoke(app, ["model", "remove", MODEL, "2"], env=first.environment)
            assert (refused.exit_code, (registry / MODEL / "2").exists()) == (1, True)
            assert "challenges the one that answers" in refused.stderr
            assert (
                weir("shadow", MODEL, "2", "--share", str(SHARE), "--policy", "promote", "--pairs", str(PAIRS_NEEDED))[
                    0
                ]
                == 0
            )
            until(lambda: versions() == {"1", "2"}, first, "the canary answers")
            load.labels.set()
            until(lambda: told_pairs(traffic) > 100, first, "pairs are counted")
            assert first.process is not None
            first.process.kill()
            first.process.wait()
            assert told_pairs(traffic) < PAIRS_NEEDED
            first.start()
            until(lambda: Answers(traffic).newest() == {"2"} and by_policy(traffic), first, "it is promoted")
        until(lambda: len(list(Answers(traffic))) >= len(load.rows), first, "all is answered")
        until(lambda: weir("compare", MODEL)[1]["comparison"]["ended"], first, "a snapshot tells that it ended")
        code, told = weir("compare", MODEL)
        assert first.says("challenge decided", "2 is better than 1")
        assert metric(first, f'weir_challenger_active{{model="{MODEL}"') == 0

    comparison = told["comparison"]
    assert (code, told["active"], told["challenger"]) == (0, "2", None)
    assert (comparison["champion"], comparison["challenger"], comparison["verdict"]) == ("1", "2", "better")
    assert comparison["pairs"] >= PAIRS_NEEDED
    counts = pairs_of_the_log(traffic)
    assert [comparison[name] for name in ("better", "worse", "equal")] == [counts.better, counts.worse, counts.equal]
    assert counts.better > counts.worse
    accepted = by_policy(traffic)
    assert (accepted["command"], accepted["author"], accepted["active"]) == ("promote", "policy", "2")
    assert accepted["reason"].startswith("2 is better than 1: of ")

    answers = Answers(traffic)
    assert_answers_are_their_versions_own(answers, load.rows, registry)
    canaries: set[bytes] = set()
    for own in answers.by_partition.values():
        last = max(place for place, answer in enumerate(own) if answer["version"] == "1")
        begun = min(place for place, answer in enumerate(own) if answer["version"] == "2")
        canaries |= {key_of(number_of(answer)) for answer in own[:last] if answer["version"] == "2"}
        champions = {key_of(number_of(answer)) for answer in own[begun:last] if answer["version"] == "1"}
        assert not champions & CANARIES, "from its first answer on it has all of its keys"
    assert canaries == CANARIES


@pytest.mark.parametrize(
    ("fault", "by_hand", "isolation"),
    [
        ("raising", False, "thread"),
        ("hang", False, "thread"),
        ("nan-above:-100", True, "thread"),
        ("dying", False, "process"),
    ],
)
def test_a_challenger_that_misbehaves_costs_no_answer_and_is_stopped(
    topics: Topics,
    registry: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    by_hand: bool,
    isolation: str,
) -> None:
    """By hand, or since it leaves its band."""
    monkeypatch.chdir(tmp_path)
    make_topics(topics)
    traffic = Traffic(topics)
    kafka = {"bootstrap_servers": topics.bootstrap_servers, "delivery": topics.delivery}
    worker = Worker(topics, registry, tmp_path / "worker", kafka, fault="told", WEIR_MODEL__ISOLATION=isolation)
    weir = Commands(worker)
    with worker:
        until(worker.is_ready, worker, "it is ready")
        (worker.folder / "fault-2").write_text(fault)
        with Load(topics) as load:
            band = [] if by_hand else ["--failures", "0.1"]
            assert weir("shadow", MODEL, "2", "--share", "1", *band)[0] == 0
            if by_hand:
                until(lambda: worker.says("challenger's circuit open"), worker, "it is left alone")
                assert metric(worker, "weir_challenger_breaker_open") == 1
            else:
                until(lambda: by_policy(traffic), worker, "it is stopped")
            before = len(load.rows)
            until(lambda: len(list(Answers(traffic))) > before + 500, worker, "answers go on")
            if by_hand:
                assert weir("shadow", MODEL, "--stop")[0] == 0
            until(lambda: metric(worker, "weir_challenger_active") == 0, worker, "it is gone")
        until(lambda: len(list(Answers(traffic))) >= len(load.rows), worker, "all is answered")
        (worker.folder / "off").touch()
    assert_answers_are_their_versions_own(Answers(traffic), load.rows, registry)
    assert {answer["version"] for answer in Answers(traffic)} == {"1"}
    assert traffic.read("dead-letters") == []
    if not by_hand:
        accepted = by_policy(traffic)
        assert (accepted["command"], accepted["active"]) == ("end_challenge", "1")
        assert accepted["reason"].startswith("2 is out of its band: missed ")


def by_policy(traffic: Traffic) -> dict[str, Any]:
    """The newest accepted record of the model, once it is the policy's."""
    newest: dict[str, Any] = {}
    for record in traffic.read("control"):
        if record.key == f"model/{MODEL}".encode():
            newest = json.loads(record.value or b"{}")
    return newest if newest.get("author") == "policy" else {}


def told_pairs(traffic: Traffic) -> int:
    """Pairs that the observations count."""
    return sum(each.pairs.counts.total for each in observations(traffic) if each.pairs)


def pairs_of_the_log(traffic: Traffic) -> PairCounts:
    """Of the challenge in the log, counted by nobody who was killed."""
    comparison: Comparison | None = None
    for observation in observations(traffic):
        comparison = observed(comparison, observation)
    assert comparison is not None
    assert comparison.ended
    return comparison.counts


def observations(traffic: Traffic) -> list[Observation]:
    """Those about challengers, in the order of the log: a model has one partition of it."""
    records = [
        (record, msgspec.json.decode(record.value or b"", type=Observation)) for record in traffic.read("observations")
    ]
    own = [(record, each) for record, each in records if each.stream == PAIRS]
    assert len({record.partition for record, _ in own}) <= 1
    return [each for _, each in sorted(own, key=lambda each: each[0].offset)]
