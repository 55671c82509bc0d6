"""On-call speaks up by the command line, and the alert of a running worker says so."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from streams.cli.main import app
from tests.faults.workload import FEATURES, MODEL, SHIFTED, publish_model
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import PARTITIONS, Traffic, Worker, make_topics, until

SIGNAL = f"{MODEL}/{FEATURES[SHIFTED]}"
RATE = 2000


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "registry"
    publish_model(folder)
    return folder


def send_drift(topics: Topics, calm: int, shifted: int) -> None:
    """Events of the last seconds, as in training and then with one feature off."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(calm + shifted, len(FEATURES))).round(4)
    rows[calm:, SHIFTED] += 1.5
    start = int(time.time() * 1000) - (calm + shifted) * 1000 // RATE
    producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})
    for number, row in enumerate(rows.tolist()):
        event = {
            "id": f"e{number}",
            "time": start + number * 1000 // RATE,
            "features": dict(zip(FEATURES, row, strict=True)),
        }
        producer.produce(topics.name("events"), json.dumps(event), partition=number % PARTITIONS)
        producer.poll(0)
    assert producer.flush(30) == 0


def test_a_firing_alert_is_acknowledged_silenced_and_rebaselined(
    topics: Topics, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_topics(topics)
    kafka = {"bootstrap_servers": topics.bootstrap_servers}
    traffic = Traffic(topics)

    def alerts() -> list[dict[str, Any]]:
        return [json.loads(each.value or b"") for each in traffic.read("alerts") if each.key == SIGNAL.encode()]

    def weir(*arguments: str) -> tuple[int, dict[str, Any]]:
        result = CliRunner().invoke(app, [*arguments, "--json", "--author", "ann"], env=worker.environment)
        return result.exit_code, json.loads(result.stdout) if result.stdout else {}

    with Worker(topics, registry, tmp_path / "worker", kafka, WEIR_DRIFT__ALLOWED_LATENESS_MS="500") as worker:
        until(worker.is_ready, worker, "it is ready")
        send_drift(topics, 6000, 8000)
        until(alerts, worker, "the alert")
        fired = alerts()[0]

        code, told = weir("alerts", "ack", fired["alert_id"])
        assert (code, told["outcome"], told["revision"]) == (0, "applied", 1)
        assert (alerts()[-1]["state"], alerts()[-1]["acknowledged_by"]) == ("updated", "ann")

        code, told = weir("alerts", "silence", SIGNAL, "--for", "1h", "--reason", "a known migration")
        assert (code, told["outcome"]) == (0, "applied")
        assert alerts()[-1]["severity"] == "log"
        assert "silenced by ann" in alerts()[-1]["severity_reason"]

        code, told = weir("drift", "rebaseline", MODEL)
        assert (code, told["outcome"]) == (0, "applied"), told
        assert (alerts()[-1]["state"], alerts()[-1]["resolved_reason"]) == ("resolved", "rebaselined")

        code, told = weir("drift", "rebaseline", MODEL)
        assert (code, told["outcome"], told["why"]) == (1, "refused", "no alert stands")
        code, told = weir("alerts", "silence", f"{MODEL}/nothing")
        assert (code, told["outcome"]) == (1, "refused")
        assert "unknown signal nothing" in told["why"]
        assert weir("alerts", "ack", fired["alert_id"]) == (1, {})
        assert {alert["alert_id"] for alert in alerts()} == {fired["alert_id"]}
    assert not [record for record in traffic.read("control") if _is_open(record.key, traffic)]


def _is_open(key: bytes | None, traffic: Traffic) -> bool:
    """Whether a proposal was left without its tombstone."""
    values = [record.value for record in traffic.read("control") if record.key == key]
    return (key or b"").startswith(b"proposal/") and values[-1] is not None
