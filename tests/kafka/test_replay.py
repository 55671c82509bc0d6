"""`weir replay` on a real broker: a worker's answers again, from any range, and nothing of the pipeline touched."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner, Result

from models.schema import Feature, InputSchema
from streams.cli.main import app
from streams.kafka.reading import Record
from streams.modelling import publish_estimator
from tests.faults.workload import FEATURES, MODEL
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import PARTITIONS, Traffic, Worker, make_topics, until

WEIGHTS = {"1": [1.0, -0.5, 0.25, 0.0], "2": [0.0, 1.0, 1.0, 0.0]}
START_MS = (time.time_ns() // 1_000_000_000 - 3_600) * 1_000
EVENTS = 6_000
SHIFTED_FROM = 4_000
BAD = {7: b"not json", 11: b'{"id":"x"}', 4_001: b'{"id":"y","features":{"reading_0":true}}'}
TOMBSTONE = 13


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """Two versions that answer differently; the second is the registry's default."""
    rng, folder = np.random.default_rng(1), tmp_path / "registry"
    rows = rng.normal(size=(4000, len(FEATURES)))
    schema = InputSchema(tuple(Feature(name) for name in FEATURES))
    for weights in WEIGHTS.values():
        target = (rows @ weights + rng.normal(scale=0.5, size=len(rows)) > 0).astype(int)
        publish_estimator(folder, MODEL, LogisticRegression().fit(rows, target), schema, rows, target=target.tolist())
    return folder


class Pipeline:
    """Events that a worker with version 1 has answered, and `weir replay` beside it."""

    def __init__(self, topics: Topics, registry: Path, folder: Path) -> None:
        self.topics, self.folder = topics, folder
        self.traffic = Traffic(topics)
        self._worker = Worker(
            topics,
            registry,
            folder / "worker",
            {"bootstrap_servers": topics.bootstrap_servers},
            WEIR_MODEL__VERSION="1",
        )
        make_topics(topics)
        self._send()
        with self._worker as worker:
            answered = EVENTS - len(BAD) - 1
            until(lambda: len(self.traffic.read("predictions")) == answered, worker, "all is answered", 60)
            until(lambda: len(self.traffic.read("dead-letters")) == len(BAD), worker, "all is answered", 60)
            until(lambda: bool(self.traffic.read("alerts")), worker, "an alert fires", 60)

    def _send(self) -> None:
        """A reading is 1.5 higher from `SHIFTED_FROM` on; 200 events a second, by their time and their records'."""
        rng = np.random.default_rng(5)
        producer = Producer({"bootstrap.servers": self.topics.bootstrap_servers, "enable.idempotence": True})
        for number, row in enumerate(rng.normal(size=(EVENTS, len(FEATURES))).round(4).tolist()):
            row[2] += 1.5 * (number >= SHIFTED_FROM)
            moment = START_MS + number * 5
            value: bytes | None = json.dumps(
                {"id": f"e{number}", "time": moment, "features": dict(zip(FEATURES, row, strict=True))}
            ).encode()
            value = None if number == TOMBSTONE else BAD.get(number, value)
            producer.produce(self.topics.name("events"), value, b"key", partition=number % PARTITIONS, timestamp=moment)
        assert producer.flush(30) == 0

    def replay(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["replay", *arguments, "--json"], env=self._worker.environment)

    def summary(self, *arguments: str, exit_code: int = 0) -> Any:
        result = self.replay(*arguments)
        assert result.exit_code == exit_code, result.stderr
        return json.loads(result.stdout)

    def all_records(self) -> dict[str, list[Record]]:
        names = ("events", "predictions", "dead-letters", "observations", "alerts", "control", "state")
        return {name: self.traffic.read(name) for name in names}

    def groups(self) -> dict[str, dict[tuple[int, int], int]]:
        """Committed offsets of all groups of the cluster that have this pipeline's topics."""
        admin = AdminClient({"bootstrap.servers": self.topics.bootstrap_servers})
        found = {}
        for listed in admin.list_consumer_groups().result(30).valid:
            asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(listed.group_id)])
            offsets = {
                (each.topic, each.partition): each.offset
                for each in asked[listed.group_id].result(30).topic_partitions
                if each.topic.startswith(self.topics.prefix)
            }
            if offsets:
                found[listed.group_id] = offsets
        return found


@pytest.fixture
def pipeline(topics: Topics, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.chdir(tmp_path)
    return Pipeline(topics, registry, tmp_path)


def test_a_replay_is_what_the_worker_published_and_touches_nothing(pipeline: Pipeline, tmp_path: Path) -> None:
    before, groups = pipeline.all_records(), pipeline.groups()
    assert groups
    whole = [f"--partition={p}" for p in range(PARTITIONS)]

    # The version that answers is not the registry's default: the settings pin it.
    summary = pipeline.summary("answers.jsonl", *whole, "--compare", "--drift", exit_code=4)

    answered = EVENTS - len(BAD) - 1
    assert (summary["records"], summary["answered"], summary["tombstones"]) == (EVENTS, answered, 1)
    assert (summary["model"], summary["version"]) == (MODEL, "1")
    assert summary["rejected"] == {"feature_missing": 1, "feature_type": 1, "json": 1}
    lines = Counter((tmp_path / "answers.jsonl").read_bytes().splitlines())
    assert lines == Counter(record.value for record in before["predictions"])
    letters = [json.loads(line) for line in (tmp_path / "answers.jsonl.rejected.jsonl").read_text().splitlines()]
    assert {each["event"] for each in letters} == {value.decode() for value in BAD.values()}
    assert {(each["partition"], each["offset"]) for each in letters} == {(n % 2, n // 2) for n in BAD}
    assert summary["comparison"]["verdicts"]["equal"] == summary["comparison"]["events"] == answered + len(BAD)
    assert summary["comparison"]["published_versions"] == {"1": answered}
    # A worker's batches differ, its alerts do not.
    published = [json.loads(record.value or b"") for record in before["alerts"]]
    firing = [each for each in published if each["state"] == "firing"]
    replayed = [each for each in summary["drift"]["alerts"] if each["state"] == "firing"]
    assert {each["alert_id"] for each in firing} <= {each["alert_id"] for each in replayed}

    assert pipeline.all_records() == before
    assert pipeline.groups() == groups


def test_another_version_is_compared_before_a_rollback(pipeline: Pipeline) -> None:
    """The range of an alert, by the version that is asked for and by the alert's own."""
    alert = next(json.loads(record.value or b"") for record in pipeline.traffic.read("alerts"))
    own = pipeline.summary("--alert", alert["alert_id"], "--compare", "--drift", exit_code=4)
    assert alert["signal"] in [each["signal"] for each in own["drift"]["alerts"]]
    wanted = {int(p): (first, last) for p, (first, last) in alert["replay"]["partitions"].items()}
    assert {each["partition"]: (each["first"], each["last"]) for each in own["ranges"]} == wanted
    assert own["comparison"]["differ"] == 0

    other = pipeline.summary("--alert", alert["dedupe_key"], "--version", "2", "--compare", exit_code=4)
    compared = other["comparison"]
    assert other["version"] == "2"
    assert compared["verdicts"]["prediction"] > 0
    assert compared["verdicts"]["unpublished"] == 0
    assert sum(compared["verdicts"].values()) == compared["events"] == own["comparison"]["events"]
    assert len(compared["examples"]) == 10


def test_ranges_by_offset_and_time_into_each_format(pipeline: Pipeline, tmp_path: Path) -> None:
    by_offset = pipeline.summary("rows.csv", "--partition", "0:100-199", "--partition", "1:2990-5000")
    assert [(r["partition"], r["first"], r["last"], r["records"], r["not_written"]) for r in by_offset["ranges"]] == [
        (0, 100, 199, 100, 0),
        (1, 2990, 2999, 10, 2001),
    ]
    rows = (tmp_path / "rows.csv").read_text().splitlines()
    assert len(rows) == 111
    assert rows[0].startswith('"partition","offset","event_id"')

    moments = [datetime.fromtimestamp((START_MS + each) / 1000, UTC).isoformat() for each in (1_000, 2_000)]
    by_time = pipeline.summary("rows.parquet", "--since", moments[0], "--until", moments[1])
    table = pyarrow.parquet.read_table(tmp_path / "rows.parquet")
    assert by_time["records"] == 200
    assert set(table["event_id"].to_pylist()) == {f"e{n}" for n in range(200, 400)}
    assert table.schema.names[:4] == ["partition", "offset", "event_id", "time"]

    again = pipeline.replay("rows.parquet", "--partition", "0:0-1")
    assert again.exit_code == 1
    assert "there already" in again.stderr


def test_side_topics_get_the_answers_and_those_of_a_pipeline_are_refused(pipeline: Pipeline) -> None:
    before = pipeline.all_records()
    prefix = pipeline.topics.name("side-")
    summary = pipeline.summary("--partition", "0", "--partition", "1", "--to-topic", prefix)
    assert summary["side_topics"] == [f"{prefix}predictions", f"{prefix}dead-letters"]
    try:
        for name in ("predictions", "dead-letters"):
            copies = pipeline.traffic.read(f"side-{name}")
            originals = before[name]
            told = [(r.partition, r.key, r.value, r.headers) for r in copies]
            assert sorted(told, key=repr) == sorted(
                ((r.partition, r.key, r.value, r.headers) for r in originals), key=repr
            )
        again = pipeline.replay("--partition", "0", "--to-topic", prefix)
        assert (again.exit_code, "holds records" in again.stderr) == (2, True)
    finally:
        admin = AdminClient({"bootstrap.servers": pipeline.topics.bootstrap_servers})
        for future in admin.delete_topics(summary["side_topics"]).values():
            future.result(30)
    # The pipeline's own prefix, and one of another pipeline.
    refused = pipeline.replay("--partition", "0", "--to-topic", pipeline.topics.prefix)
    assert (refused.exit_code, "does not write" in refused.stderr) == (2, True)
    pipeline.topics.create("other-events")
    refused = pipeline.replay("--partition", "0", "--to-topic", pipeline.topics.name("other-"))
    assert (refused.exit_code, "one of a pipeline" in refused.stderr) == (2, True)
    assert pipeline.all_records() == before


def test_what_is_gone_aborted_or_not_there_is_said(topics: Topics, registry: Path, tmp_path: Path) -> None:
    make_topics(topics)
    topic = topics.name("events")
    value = json.dumps({"id": "e", "features": dict.fromkeys(FEATURES, 0.5)})
    servers = {"bootstrap.servers": topics.bootstrap_servers}
    producer = Producer({**servers, "transactional.id": topics.name("producer")})
    producer.init_transactions(30)
    for commits in (True, False, True):
        producer.begin_transaction()
        for number in range(10):
            producer.produce(topic, value.replace('"e"', f'"e{number}"'), partition=0)
        producer.flush(30)
        producer.commit_transaction(30) if commits else producer.abort_transaction(30)
    environment = {
        "WEIR_KAFKA__BOOTSTRAP_SERVERS": topics.bootstrap_servers,
        "WEIR_TOPICS__PREFIX": topics.prefix,
        "WEIR_MODEL__REGISTRY": str(registry),
    }

    def replay(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["replay", *arguments], env=environment)

    # 10 records, a marker, 10 aborted ones, a marker, 10 records, a marker.
    told = json.loads(replay("--partition", "0:0-32", "--json").stdout)["ranges"][0]
    assert (told["records"], told["without_record"]) == (20, 13)

    admin = AdminClient(servers)
    deleted = admin.delete_records([TopicPartition(topic, 0, 5)])
    assert next(iter(deleted.values())).result(30).low_watermark == 5
    told = json.loads(replay("--partition", "0:0-9", "--json").stdout)["ranges"][0]
    assert (told["first"], told["records"], told["gone"]) == (5, 5, 5)
    words = replay("--partition", "0:0-9")
    assert "5 of the offsets asked for are not held any more" in words.stderr
    gone = replay("--partition", "0:0-4")
    assert (gone.exit_code, "retention" in gone.stderr) == (2, True)
    for arguments, why in (
        (["--partition", "9"], "no partition 9"),
        (["--partition", "1"], "there is no record"),
        (["--alert", "nobody"], "no alert nobody"),
        (["--partition", "0", "--since", "1h"], "name one range"),
    ):
        refused = replay(*arguments)
        assert (refused.exit_code, why in refused.stderr) == (2, True), refused.stderr
