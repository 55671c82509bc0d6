"""`weir dlq`: what is listed and shown, and that nothing is sent in again twice, whatever is killed in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from streams.cli.main import app
from streams.contracts import HEADER_DEAD_LETTER, HEADER_MODEL
from streams.dead_letters.letter import Place
from streams.kafka.client import client_config
from streams.kafka.errors import FencedProducer
from streams.kafka.reading import Record
from streams.kafka.redriving import Redrive, RedriveSuperseded, Resend
from streams.records import OutboxRecord
from streams.settings import KafkaSettings
from tests.faults.workload import FEATURES, MODEL, publish_model
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import PARTITIONS, Traffic, Worker, make_topics, until

HEADERS = {
    "weir-stage": "validate",
    "weir-reason": "feature_type",
    "weir-error": "features.calls: expected a number, got a string",
    "weir-attempt": "1",
    "weir-model": "churn",
}


class Letters:
    """Topics with dead letters of a test's own making, and the command on them."""

    def __init__(self, topics: Topics) -> None:
        self.topics, self.traffic = topics, Traffic(topics)
        make_topics(topics)
        self.env = {
            "WEIR_KAFKA__BOOTSTRAP_SERVERS": topics.bootstrap_servers,
            "WEIR_KAFKA__GROUP": topics.name("weir"),
            "WEIR_TOPICS__PREFIX": topics.prefix,
        }
        self._offsets = Counter[int]()

    def write(self, count: int, *, value: bytes | None = None, source: str | None = None, **headers: str) -> None:
        """Dead letters in turn on each partition; `headers` over HEADERS, with underscores."""
        producer = Producer({"bootstrap.servers": self.topics.bootstrap_servers, "log_level": 2})
        changed = {f"weir-{name}": text for name, text in headers.items()}
        for number in range(count):
            partition = number % PARTITIONS
            offset = self._offsets[partition]
            self._offsets[partition] += 1
            place = source or f"{self.topics.name('events')}/{partition}/{offset}"
            producer.produce(
                self.topics.name("dead-letters"),
                value if value is not None else json.dumps({"id": f"p{partition}-{offset}"}).encode(),
                f"k{partition}",
                partition,
                headers=[*(HEADERS | {"weir-source": place} | changed).items()],
            )
        assert producer.flush(30) == 0

    def run(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        result = CliRunner().invoke(app, ["dlq", *arguments, "--json"], env=self.env)
        assert result.exit_code == code, result.stderr
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def text(self, *arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, ["dlq", *arguments], env=self.env)
        assert result.exit_code == code, result.stderr
        return result.stdout + result.stderr

    def events(self) -> list[Record]:
        return self.traffic.read("events")


@pytest.fixture
def letters(topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Letters:
    monkeypatch.chdir(tmp_path)
    return Letters(topics)


def headers_of(record: Record) -> Mapping[str, bytes]:
    return dict(record.headers or ())


def test_what_has_the_same_cause_is_one_group_with_an_example(letters: Letters) -> None:
    letters.write(5)
    letters.write(2, error="features.minutes: missing", reason="feature_missing", model="risk")
    letters.write(1, value=b"\x00\x1b[2Jboom", reason="framed", stage="decode", error="begins with 0x00")
    letters.write(1, source="no place")
    found = letters.run("list")
    assert (found["letters"], found["redriven"], found["not_of_weir"]) == (8, 0, 1)
    groups = [(each["reason"], each["field"], each["model"], each["count"]) for each in found["groups"]]
    assert groups == [
        ("feature_type", "calls", "churn", 5),
        ("feature_missing", "minutes", "risk", 2),
        ("framed", None, "churn", 1),
    ]
    assert found["groups"][0]["example"]["event_id"].startswith("p")
    assert [each["count"] for each in letters.run("list", "--limit", "1")["groups"]] == [5]
    assert letters.run("list", "--reason", "framed", "--reason", "json")["letters"] == 1
    assert letters.run("list", "--model", "risk")["letters"] == 2
    assert letters.run("list", "--field", "calls")["letters"] == 5
    assert letters.run("list", "--since", "2999-01-01T00:00:00Z")["letters"] == 0
    assert "feature_missing" in letters.text("list")


def test_one_is_shown_with_its_bytes_and_what_to_do_and_obeys_no_terminal(letters: Letters) -> None:
    letters.write(1, value=b'{"id": "\xff\x1b[2J', reason="encoding", stage="decode", error="not UTF-8 at byte 8")
    shown = letters.text("show", "0:0")
    assert "\x1b" not in shown
    assert "\\xff" in shown
    assert "not UTF-8" in shown
    found = letters.run("show", "0:0")
    assert (found["reason"], found["value"], found["value_bytes"], found["redriven"]) == ("encoding", None, 13, False)
    assert found["fix"]
    assert letters.text("show", "1:7", code=1)
    assert letters.text("show", "7", code=2)


@pytest.mark.parametrize("topics", ["kafka", "embedded"], indirect=True)
def test_a_dry_run_sends_nothing_and_then_each_is_sent_once_as_it_was(letters: Letters) -> None:
    letters.write(7)
    letters.write(2, reason="json", stage="decode", error="x")
    assert letters.run("redrive", "--reason", "feature_type")["would_send"] == 7
    assert letters.events() == []
    assert letters.run("redrive", "--reason", "feature_type", "--limit", "3", "--yes")["sent"] == 3
    rest = letters.run("redrive", "--reason", "feature_type", "--yes")
    assert (rest["sent"], rest["already_redriven"]) == (4, 3)
    assert letters.run("redrive", "--reason", "feature_type", "--yes")["sent"] == 0

    dead = {str(Place(each.topic, each.partition, each.offset)): each for each in letters.traffic.read("dead-letters")}
    sent = letters.events()
    assert len(sent) == 7
    for event in sent:
        headers = headers_of(event)
        letter = dead[headers[HEADER_DEAD_LETTER].decode()]
        assert (event.key, event.value, event.partition) == (letter.key, letter.value, letter.partition)
        assert (headers[HEADER_MODEL], headers["weir-attempt"]) == (b"churn", b"1")
    assert len({headers_of(event)[HEADER_DEAD_LETTER] for event in sent}) == 7
    assert letters.run("list")["redriven"] == 7
    assert letters.run("show", "0:0")["redriven"] is True


def test_what_cannot_become_an_event_is_told_and_never_written_elsewhere(letters: Letters) -> None:
    control = letters.topics.name("control")
    letters.write(1, source=f"{control}/0/5")
    letters.write(1, source=f"{letters.topics.name('events')}/99/5")
    letters.write(1, value=b"", reason="output_too_large", stage="publish")
    found = letters.run("redrive", "--yes")
    assert (found["sent"], sorted(found["cannot_be_sent"].values())) == (0, [1, 1, 1])
    assert letters.events() == letters.traffic.read("control") == []


def test_a_letter_that_is_there_twice_is_sent_once(letters: Letters) -> None:
    place = f"{letters.topics.name('events')}/0/3"
    letters.write(1, source=place, value=b'{"id": "a"}')
    assert letters.run("redrive", "--yes")["sent"] == 1
    letters.write(1, source=place, value=b'{"id": "a"}')
    found = letters.run("redrive", "--yes")
    assert (found["sent"], found["already_redriven"], found["copies"]) == (0, 1, 1)
    assert len(letters.events()) == 1


@pytest.mark.parametrize("point", ["after_produce", "after_delivery", "before_commit", "committed"])
def test_nothing_is_lost_or_sent_twice_when_a_redrive_is_killed(letters: Letters, point: str, tmp_path: Path) -> None:
    """In its second transaction, or right after it."""
    letters.write(40)
    killed = run_killed(letters, point, tmp_path)
    assert killed == -signal.SIGKILL
    found = letters.run("redrive", "--yes")
    assert found["sent"] + found["already_redriven"] == 40
    assert found["already_redriven"] == (20 if point == "committed" else 10)
    times = Counter(headers_of(event)[HEADER_DEAD_LETTER] for event in letters.events())
    assert sorted(times.values()) == [1] * 40


def run_killed(letters: Letters, point: str, folder: Path) -> int:
    """`weir dlq redrive` that kills itself at a point of its second transaction; its exit code."""
    command = [sys.executable, "-m", "tests.kafka.killed_redrive", point, "dlq", "redrive", "--yes", "--rate", "10"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, env={**inherited, **letters.env}, stderr=subprocess.PIPE) as process:
        try:
            _, _said = process.communicate(timeout=60)
        finally:
            process.kill()
    return process.returncode


def test_of_two_at_the_same_time_the_first_ends_and_nothing_is_sent_twice(letters: Letters) -> None:
    config = client_config(KafkaSettings(bootstrap_servers=letters.topics.bootstrap_servers))
    names = {
        "state_topic": letters.topics.name("state"),
        "dead_letters_topic": letters.topics.name("dead-letters"),
    }
    event = OutboxRecord(letters.topics.name("events"), b"k", b"{}", 0)
    batch = [Resend(Place(names["dead_letters_topic"], 0, 1), event)]
    with Redrive(config, **names) as first, Redrive(config, **names) as second:
        assert second.send(batch) == []
        with pytest.raises(RedriveSuperseded) as raised:
            first.send(batch)
    assert isinstance(raised.value.__cause__, FencedProducer)
    assert raised.value.exit_code == 70
    assert len(letters.events()) == 1


def test_what_is_sent_again_is_answered_under_its_id_and_is_no_duplicate(letters: Letters, tmp_path: Path) -> None:
    """A first worker lets no field be unknown; the next one does."""
    topics, registry = letters.topics, tmp_path / "registry"
    publish_model(registry)
    producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})
    for number in range(6):
        features = {**dict.fromkeys(FEATURES, 0.5), "extra": 1}
        value = json.dumps({"id": f"e{number}", "features": features})
        producer.produce(topics.name("events"), value, f"k{number}", number % PARTITIONS)
    assert producer.flush(30) == 0
    kafka = {"bootstrap_servers": topics.bootstrap_servers}
    strict = {"WEIR_MODEL__UNKNOWN_FEATURES": "reject", "roles": "predict"}
    with Worker(topics, registry, tmp_path / "strict", kafka, **strict) as worker:
        until(lambda: len(letters.traffic.read("dead-letters")) == 6, worker, "all are rejected")
        assert letters.run("redrive", "--limit", "2", "--yes")["sent"] == 2
        until(lambda: len(letters.traffic.read("dead-letters")) == 8, worker, "two are rejected again")
    again = [headers_of(each) for each in letters.traffic.read("dead-letters")]
    assert sorted(each["weir-attempt"] for each in again) == [b"1"] * 6 + [b"2"] * 2
    with Worker(topics, registry, tmp_path / "lenient", kafka, roles="predict") as worker:
        # The four that were not sent yet, and the two that failed again.
        assert letters.run("redrive", "--yes")["sent"] == 6
        until(lambda: len(letters.traffic.read("predictions")) == 6, worker, "all are answered")
    answers = [json.loads(each.value or b"") for each in letters.traffic.read("predictions")]
    assert Counter(each["event_id"] for each in answers) == Counter(f"e{number}" for number in range(6))
    assert [each.get("duplicate_of") for each in answers] == [None] * 6
    assert {each["model"] for each in answers} == {MODEL}
    assert letters.run("redrive", "--yes")["sent"] == 0
