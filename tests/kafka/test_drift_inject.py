"""`weir drift inject` against a real broker, and the worker that raises the alert."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner

from streams.cli.main import app
from tests.faults.workload import FEATURES, SHIFTED, publish_model
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import Traffic, Worker, make_topics, until

RATE, SECONDS, AT = 1000, 8, 3000


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rows like those that the model was trained on."""
    monkeypatch.chdir(tmp_path)
    matrix = np.random.default_rng(4).normal(size=(3000, len(FEATURES))).round(4)
    lines = [",".join(FEATURES), *(",".join(map(str, row)) for row in matrix.tolist())]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines))
    return path


def inject(servers: str, prefix: str, data: Path, *more: str) -> Any:
    environ = {"WEIR_KAFKA__BOOTSTRAP_SERVERS": servers, "WEIR_TOPICS__PREFIX": prefix}
    change = f"shift:feature={FEATURES[SHIFTED]},at={AT},size=1.5"
    arguments = ["drift", "inject", "--data", str(data), "--inject", change, *more]
    return CliRunner().invoke(app, arguments, env=environ)


def test_the_users_own_worker_raises_an_alert_about_the_change(topics: Topics, data: Path, tmp_path: Path) -> None:
    make_topics(topics)
    publish_model(tmp_path / "registry")
    kafka = {"bootstrap_servers": topics.bootstrap_servers}
    lateness = {"WEIR_DRIFT__ALLOWED_LATENESS_MS": "500"}
    with Worker(topics, tmp_path / "registry", tmp_path / "worker", kafka, **lateness) as worker:
        until(worker.is_ready, worker, "the worker is ready")
        result = inject(
            topics.bootstrap_servers, topics.prefix, data, "--rate", f"{RATE}", "--duration", f"{SECONDS}", "--json"
        )
        assert result.exit_code == 0, result.stderr
        told = json.loads(result.stdout)
        traffic = Traffic(topics)

        def alerts() -> list[dict[str, Any]]:
            found = (json.loads(record.value or b"{}") for record in traffic.read("alerts"))
            return [alert for alert in found if alert["signal"].get("feature") == FEATURES[SHIFTED]]

        until(alerts, worker, "the alert about the shifted feature")
        events = [json.loads(record.value or b"") for record in traffic.read("events")]
    (injected,) = told["injected"]
    earliest, latest = alerts()[0]["onset"]["interval"]
    assert earliest <= injected["began"] <= latest
    assert told["sent"] == told["delivered"] == len(events) == RATE * SECONDS
    assert len({event["id"] for event in events}) == len(events)
    assert injected["first_event"] == f"{told['run']}-{AT:x}"
    assert f"{injected['kind']} of {FEATURES[SHIFTED]} begins: event {injected['first_event']}" in result.stderr


def test_ctrl_c_ends_it_in_order_and_tells_what_was_sent(topics: Topics, data: Path) -> None:
    make_topics(topics)
    change = f"shift:feature={FEATURES[SHIFTED]},at=50,size=1.5"
    script = "from streams.cli import main; main()"
    command = [sys.executable, "-c", script, "drift", "inject", "--data", str(data), "--inject", change, "--json"]
    environ = {
        "PATH": os.environ["PATH"],
        "WEIR_KAFKA__BOOTSTRAP_SERVERS": topics.bootstrap_servers,
        "WEIR_TOPICS__PREFIX": topics.prefix,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, "--duration", "600"], cwd=data.parent, env=environ, **pipes) as process:
        try:
            assert process.stderr is not None
            while "begins" not in (line := process.stderr.readline()):
                assert line, "it ended by itself"
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0, err
    told = json.loads(out)
    assert told["stopped"] is True
    assert 50 < told["sent"] < 600_000
    assert told["delivered"] == told["sent"] == len(Traffic(topics).read("events"))
    assert told["injected"][0]["ended"] is None


def test_a_topic_that_is_not_there_is_named_and_not_made(topics: Topics, data: Path) -> None:
    result = inject(topics.bootstrap_servers, topics.prefix, data)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "weir topics create" in result.stderr
    client = AdminClient({"bootstrap.servers": topics.bootstrap_servers})
    assert topics.name("events") not in client.list_topics(timeout=10).topics


def test_a_broker_that_does_not_answer_is_exit_3(data: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refused at once, and nobody else can take it
        address = f"127.0.0.1:{held.getsockname()[1]}"
        result = inject(address, "", data)
    assert (result.exit_code, result.stdout) == (3, "")
    assert address in result.stderr
