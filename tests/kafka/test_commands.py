"""`weir alerts` and `weir status` against a real broker."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from typer.testing import CliRunner

from streams.cli.main import app
from tests.kafka.topics import Topics

ROLES = ("events", "predictions", "dead-letters", "labels", "joins", "observations", "alerts", "state", "control")


@pytest.fixture
def env(topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    return {
        "WEIR_KAFKA__BOOTSTRAP_SERVERS": topics.bootstrap_servers,
        "WEIR_KAFKA__GROUP": topics.name("weir"),
        "WEIR_TOPICS__PREFIX": topics.prefix,
    }


def alert(name: str, state: str, severity: str = "ticket") -> dict[str, Any]:
    return {
        "alert_id": name,
        "dedupe_key": name,
        "state": state,
        "severity": severity,
        "model": "churn",
        "signal": {"feature": name},
        "detected_at": "2026-01-01T00:00:00.000Z",
    }


def publish(topics: Topics, topic: str, changes: list[dict[str, Any]]) -> None:
    producer = Producer({"bootstrap.servers": topics.bootstrap_servers})
    for change in changes:
        producer.produce(topic, json.dumps(change), key=change["dedupe_key"])
    assert producer.flush(30) == 0


def test_alerts_are_the_newest_state_of_each_firing_first(topics: Topics, env: dict[str, str]) -> None:
    topic = topics.create("alerts")
    changes = [alert("amount", "firing"), alert("age", "firing"), alert("amount", "resolved"), alert("age", "updated")]
    publish(topics, topic, changes)

    as_json = CliRunner().invoke(app, ["alerts", "--json"], env=env)
    assert as_json.exit_code == 0, as_json.stderr
    assert [(a["alert_id"], a["state"]) for a in json.loads(as_json.stdout)] == [
        ("age", "updated"),
        ("amount", "resolved"),
    ]

    cards = CliRunner().invoke(app, ["alerts"], env=env)
    assert cards.stdout.index("feature age") < cards.stdout.index("feature amount")
    assert "1 firing, 2 in all" in cards.stderr

    later = CliRunner().invoke(app, ["alerts", "--json", "--since", "2999-01-01T00:00:00Z"], env=env)
    assert json.loads(later.stdout) == []


def test_followed_alerts_come_a_line_each_until_ctrl_c(topics: Topics, env: dict[str, str], tmp_path: Path) -> None:
    topic = topics.create("alerts")
    command = [sys.executable, "-c", "from streams.cli import main; main()", "alerts", "--follow", "--json"]
    with subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline()) == []
            publish(topics, topic, [alert("amount", "firing")])
            assert json.loads(process.stdout.readline())["alert_id"] == "amount"
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        finally:
            process.kill()


def test_alerts_without_their_topic_say_how_to_make_it(env: dict[str, str]) -> None:
    result = CliRunner().invoke(app, ["alerts"], env=env)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "weir topics create" in result.stderr


def test_status_tells_lag_by_role_findings_and_firing_alerts(topics: Topics, env: dict[str, str]) -> None:
    names = {role: topics.create(role, 2) for role in ROLES if role != "control"}
    publish(topics, names["alerts"], [alert("amount", "firing"), alert("age", "resolved")])
    publish(topics, names["events"], [alert("an event", "firing")] * 3)
    settings = {"bootstrap.servers": topics.bootstrap_servers, "group.id": f"{env['WEIR_KAFKA__GROUP']}-predict"}
    consumer = Consumer(settings)
    low_high = [consumer.get_watermark_offsets(TopicPartition(names["events"], p), 10) for p in (0, 1)]
    used = 0 if low_high[0][1] else 1
    consumer.commit(offsets=[TopicPartition(names["events"], used, 1)], asynchronous=False)
    consumer.close()

    result = CliRunner().invoke(app, ["status", "--json"], env=env)
    assert result.exit_code == 0, result.stderr
    status = json.loads(result.stdout)
    assert status["kafka"] == {"bootstrap_servers": topics.bootstrap_servers, "reachable": True}
    roles = {role["role"]: role for role in status["roles"]}
    assert (roles["predict"]["lag"], roles["drift"]["lag"], roles["predict"]["members"]) == (2, 0, 0)
    assert [a["alert_id"] for a in status["alerts"]["firing"]] == ["amount"]
    assert {f["topic"]: f["what"] for f in status["topics"]["findings"]}[topics.name("control")] == "missing"

    text = CliRunner().invoke(app, ["status", "--advice", "5"], env=env)
    assert text.exit_code == 0, text.stderr
    assert "feature amount" in text.stdout
    assert "predict: 0/s done, 0/s come: nothing is done" in text.stdout
    assert "drift: 0/s done, 0/s come: it keeps up" in text.stdout


@pytest.mark.parametrize("arguments", [["status", "--json"], ["alerts", "--json"]])
def test_a_broker_that_does_not_answer_is_exit_3(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refused at once, and nobody else can take it
        address = f"127.0.0.1:{held.getsockname()[1]}"
        result = CliRunner().invoke(app, arguments, env={"WEIR_KAFKA__BOOTSTRAP_SERVERS": address})
    assert result.exit_code == 3
    assert address in result.stderr
    if arguments[0] == "status":
        assert json.loads(result.stdout)["kafka"]["reachable"] is False
