"""`weir doctor` on a real Kafka: a sound set-up finds nothing, and each broken one is found, with its fix."""

from __future__ import annotations

import json
import shutil
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)
from typer.testing import CliRunner, Result

from streams.cli.main import app
from streams.demo.kraft import KafkaCluster
from streams.demo.processes import free_ports
from streams.kafka.topics import create_topics, default_plan
from streams.settings import TopicSettings
from tests.faults.workload import FEATURES, MODEL, publish_model
from tests.kafka.topics import Topics
from tests.waiting import until

GOOD = json.dumps({"id": "e", "features": dict.fromkeys(FEATURES, 0.5)}).encode()
FRAMED = struct.pack(">bI", 0, 7) + GOOD
RENAMED = json.dumps({"id": "e", "features": {"temperature": 1.0}}).encode()
HOUR_MS = 3_600_000


@dataclass
class SetUp:
    """Topics as Weir makes them, a model, and the environment of the commands."""

    servers: str
    topics: TopicSettings
    folder: Path
    admin: AdminClient
    environment: dict[str, str] = field(default_factory=dict)

    def doctor(self, *arguments: str) -> Result:
        return CliRunner(env=self.environment).invoke(app, ["doctor", *arguments])

    def set(self, topic: str, key: str, value: str) -> None:
        entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        for future in self.admin.incremental_alter_configs([resource]).values():
            future.result(30)
        asked = ConfigResource(ResourceType.TOPIC, topic)
        until(lambda: self.admin.describe_configs([asked])[asked].result(30)[key].value == value, f"{key} is set", 30)

    def send(self, *values: bytes, at_ms: int = 0) -> None:
        producer = Producer({"bootstrap.servers": self.servers, "log_level": 2})
        for value in values:
            producer.produce(self.topics.name("events"), value, timestamp=at_ms, partition=0)
        assert producer.flush(30) == 0

    def commit(self, offset: int) -> None:
        """As a predict worker."""
        group = {"bootstrap.servers": self.servers, "group.id": f"{self.environment['WEIR_KAFKA__GROUP']}-predict"}
        consumer = Consumer(group)
        consumer.commit(offsets=[TopicPartition(self.topics.name("events"), 0, offset)], asynchronous=False)
        consumer.close()


@pytest.fixture
def sound(kafka: KafkaCluster, topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SetUp]:
    monkeypatch.chdir(tmp_path)
    names = TopicSettings(prefix=topics.prefix)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 2})
    created = create_topics({"bootstrap.servers": kafka.bootstrap_servers}, default_plan(names, partitions=2))
    publish_model(tmp_path / "registry")
    mine = SetUp(kafka.bootstrap_servers, names, tmp_path, admin)
    mine.environment = {
        "WEIR_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "WEIR_KAFKA__GROUP": topics.name("weir"),
        "WEIR_TOPICS__PREFIX": topics.prefix,
        "WEIR_MODEL__REGISTRY": str(tmp_path / "registry"),
        "WEIR_WORKER__STATE_DIR": str(tmp_path / "state"),
        "WEIR_ADMIN__PORT": str(free_ports(1)[0]),
    }
    yield mine
    there = set(admin.list_topics(timeout=10).topics) & {each.topic for each in created}
    for future in admin.delete_topics(sorted(there)).values() if there else ():
        future.result(30)


def test_a_sound_set_up_finds_nothing(sound: SetUp) -> None:
    sound.send(GOOD, GOOD)
    sound.commit(2)
    before = sound.admin.list_topics(timeout=10).topics.keys()
    result = sound.doctor()
    assert (result.exit_code, result.stdout) == (0, ""), result.output
    assert "no findings in files, certificates, ports, broker, models, topics, limits, rights, groups" in result.stderr
    assert "not checked: clock" in result.stderr
    assert result.stderr.count("not checked") == 1
    assert sound.admin.list_topics(timeout=10).topics.keys() == before


def without_topics(sound: SetUp) -> None:
    names = [sound.topics.name("labels"), sound.topics.name("state")]
    for future in sound.admin.delete_topics(names).values():
        future.result(30)
    until(lambda: not {*names} & sound.admin.list_topics(timeout=10).topics.keys(), "they are gone", 30)


def without_a_topic(sound: SetUp) -> None:
    name = sound.topics.name("predictions")
    sound.admin.delete_topics([name])[name].result(30)
    until(lambda: name not in sound.admin.list_topics(timeout=10).topics, "it is gone", 30)


def with_unequal_partitions(sound: SetUp) -> None:
    name = sound.topics.name("dead_letters")
    sound.admin.create_partitions([NewPartitions(name, 3)])[name].result(30)
    until(lambda: len(sound.admin.list_topics(timeout=10).topics[name].partitions) == 3, "they are there", 30)


def with_compacted_events(sound: SetUp) -> None:
    sound.set(sound.topics.name("events"), "cleanup.policy", "compact")


def with_small_messages(sound: SetUp) -> None:
    sound.set(sound.topics.name("events"), "max.message.bytes", "100000")


def with_framed_events(sound: SetUp) -> None:
    sound.send(FRAMED, FRAMED)
    sound.commit(2)


def with_other_features(sound: SetUp) -> None:
    sound.send(RENAMED, RENAMED)
    sound.commit(2)


def with_a_producer_ahead(sound: SetUp) -> None:
    sound.send(GOOD, at_ms=int(time.time() * 1000) + HOUR_MS // 6)
    sound.commit(1)


def with_records_deleted_unread(sound: SetUp) -> None:
    sound.send(GOOD, GOOD, GOOD)
    sound.commit(1)
    at = TopicPartition(sound.topics.name("events"), 0, 3)
    sound.admin.delete_records([at])[at].result(30)


def with_records_about_to_be_deleted(sound: SetUp) -> None:
    sound.set(sound.topics.name("events"), "retention.ms", str(HOUR_MS))
    sound.send(GOOD, GOOD, at_ms=int(time.time() * 1000) - HOUR_MS * 2 // 3)


def without_a_worker(sound: SetUp) -> None:
    sound.send(GOOD)


def without_a_model(sound: SetUp) -> None:
    shutil.rmtree(sound.folder / "registry")


def with_a_damaged_model(sound: SetUp) -> None:
    (estimator,) = (sound.folder / "registry" / MODEL / "1").glob("*.skops")
    estimator.write_bytes(b"not what was added")


def with_a_state_dir_that_is_a_file(sound: SetUp) -> None:
    (sound.folder / "state").write_text("")


def with_keys_for_everybody(sound: SetUp) -> None:
    keys = sound.folder / "keys"
    keys.write_text("")
    keys.chmod(0o644)
    sound.environment["WEIR_HTTP__KEYS_FILE"] = str(keys)


BROKEN: list[tuple[Callable[[SetUp], None], list[str], str]] = [
    (without_a_topic, ["topics"], "weir topics create"),
    (without_topics, ["topics"], "weir topics create"),
    (with_unequal_partitions, ["topics"], "--partitions 3"),
    (with_compacted_events, ["topics"], "cleanup.policy=delete"),
    (with_small_messages, ["limits"], "max.message.bytes=1114112"),
    (with_framed_events, ["events"], "StringSerializer"),
    (with_other_features, ["events"], f"weir model show {MODEL}"),
    (with_a_producer_ahead, ["clock"], "LogAppendTime"),
    (with_records_deleted_unread, ["groups"], "sent in again"),
    (with_records_about_to_be_deleted, ["groups", "groups"], "retention.ms"),
    (without_a_worker, ["groups"], "weir worker --role predict"),
    (without_a_model, ["models"], "weir model add"),
    (with_a_damaged_model, ["models"], "add"),
    (with_a_state_dir_that_is_a_file, ["files"], "worker.state_dir"),
    (with_keys_for_everybody, ["files"], "chmod 600"),
]


@pytest.mark.parametrize(("breaks", "checks", "fix"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_set_up_is_found_with_its_fix(
    sound: SetUp, breaks: Callable[[SetUp], None], checks: list[str], fix: str
) -> None:
    breaks(sound)
    result = sound.doctor("--json")
    findings: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
    assert (result.exit_code, [each["check"] for each in findings]) == (4, checks), result.output
    assert fix in findings[0]["fix"], findings
    assert all(each[part] for each in findings for part in ("severity", "what", "where", "cause", "fix"))


def test_a_port_that_was_chosen_and_is_taken_is_found(sound: SetUp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        sound.environment["WEIR_ADMIN__PORT"] = str(held.getsockname()[1])
        result = sound.doctor()
    assert result.exit_code == 4
    assert "ports: a worker cannot listen on 127.0.0.1" in result.stdout
    assert "fix    set admin.port to a free port" in result.stdout


def test_without_a_broker_what_is_here_is_looked_at_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refused at once, and nobody else can take it
        address = f"127.0.0.1:{held.getsockname()[1]}"
        result = CliRunner(env={"WEIR_KAFKA__BOOTSTRAP_SERVERS": address}).invoke(app, ["doctor", "--json"])
    assert result.exit_code == 3
    report = json.loads(result.stdout)
    assert report["reachable"] is False
    assert [each["check"] for each in report["findings"]] == ["broker", "models"]
    assert address in report["findings"][0]["where"]
    assert "topics" not in report["checked"]
