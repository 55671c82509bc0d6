"""What is deployed, run by hand on a real Kafka: every service of Compose, and a worker as the image has it."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import Producer

from streams.kafka.client import client_config
from streams.kafka.reading import TopicReader
from streams.settings import KafkaSettings
from tests import waiting
from tests.contract.deployment import ROOT, USER
from tests.faults.workload import FEATURES, publish_model
from tests.kafka.compose_kit import Service
from tests.kafka.topics import Topics

WORKERS = ("predict", "drift", "labels", "http")
START_S = 120.0

READ_ONLY = r"""
set -e
packages=$1 python=$2 code=$3 registry=$4 user=$5
shift 5
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/packages /mnt/python /mnt/code /mnt/state
cp -r "$registry" /mnt/registry
chmod -R a+rX /mnt/registry
mount --bind "$packages" /mnt/packages
mount --bind "$python" /mnt/python
mount --bind "$code" /mnt/code
mount -t tmpfs -o mode=1777 tmpfs /mnt/state
mount -o remount,bind,ro /mnt
mount -o remount,bind,ro /
cd /mnt/state
exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
    --pdeathsig KILL "$@"
"""
"""Runs its last words as a user who may do nothing, with one folder to write to: /mnt/state."""


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Rows like those that the model was trained on."""
    matrix = np.random.default_rng(4).normal(size=(3000, len(FEATURES))).round(4)
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([",".join(FEATURES), *(",".join(map(str, row)) for row in matrix.tolist())]))
    return path


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    publish_model(tmp_path / "registry")
    return tmp_path / "registry"


def records(topics: Topics, topic: str) -> list[dict[str, object]]:
    config = client_config(KafkaSettings(bootstrap_servers=topics.bootstrap_servers))
    with TopicReader(config, topics.name(topic)) as reader:
        return [json.loads(record.value or b"{}") for record in reader.to_end()]


def send(topics: Topics, topic: str, record: dict[str, object]) -> None:
    producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})
    producer.produce(topics.name(topic), json.dumps(record), key=str(record.get("id", "")))
    assert producer.flush(30) == 0


def until(condition: Callable[[], bool], what: str, *services: Service) -> None:
    def said() -> str:
        return "\n".join(service.log()[-3000:] for service in services)

    def ended_or_holds() -> bool:
        assert not any(service.has_ended() for service in services), said()
        return condition()

    waiting.until(ended_or_holds, what, START_S, every_s=0.2, said=said)


def make_topics(topics: Topics, registry: Path, folder: Path) -> None:
    service = Service("topics", topics, registry, folder).start()
    assert service.end(START_S) == 0, service.log()


@pytest.mark.timeout(400)
def test_every_service_of_compose_does_its_part(topics: Topics, registry: Path, rows: Path, tmp_path: Path) -> None:
    make_topics(topics, registry, tmp_path / "topics")
    with ExitStack() as running:
        started = {name: running.enter_context(Service(name, topics, registry, tmp_path / name)) for name in WORKERS}
        predict, drift, labels, http = started.values()
        for name, service in started.items():
            until(service.is_healthy, f"{name} is healthy", service)
        producer = running.enter_context(Service("producer", topics, registry, tmp_path / "producer", rows))
        until(lambda: len(records(topics, "predictions")) > 100, "events are answered", producer, predict)
        producer.stop()

        event = {"id": "asked", "features": dict.fromkeys(FEATURES, 0.5)}
        assert json.loads(http.post("/predict", json.dumps(event).encode()))["event_id"] == "asked"

        def answered(event_id: str) -> bool:
            return any(answer["event_id"] == event_id for answer in records(topics, "predictions"))

        until(lambda: answered("asked"), "what was asked over HTTP is on Kafka, too", http, predict)
        send(topics, "labels", {"event_id": "asked", "label": 1})
        until(lambda: 'weir_label_join_total{fate="joined"} 1.0' in labels.metrics(), "a label is joined", labels)
        consumed = f'weir_records_consumed_total{{topic="{topics.name("observations")}"}}'
        until(lambda: consumed in drift.metrics(), "drift watches", drift)
        for name, service in started.items():
            assert service.stop() == 0, f"{name}: {service.log()[-3000:]}"


@pytest.mark.usefixtures("read_only_root")
@pytest.mark.timeout(300)
def test_a_worker_answers_as_nobody_with_a_root_that_it_cannot_write_to(
    topics: Topics, registry: Path, tmp_path: Path
) -> None:
    make_topics(topics, registry, tmp_path / "topics")
    service = Service("predict", topics, registry, tmp_path / "predict")
    python = f"/mnt/python/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    inside = {
        **service.environment,
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": "/mnt/code:/mnt/packages",
        "LD_LIBRARY_PATH": "/mnt/python/lib",  # where Python is a library of its own
        "PYTHONDONTWRITEBYTECODE": "1",
        "WEIR_MODEL__REGISTRY": "/mnt/registry",
        "WEIR_WORKER__STATE_DIR": "/mnt/state",
    }
    command = [
        *("/usr/bin/unshare", "--mount", "--propagation", "private", "sh", "-c", READ_ONLY, "sh"),
        *(sysconfig.get_path("purelib"), sys.base_prefix, str(ROOT), str(registry), str(USER)),
        *(python, "-c", "from streams.cli import main; main()", *service.arguments),
    ]
    service.start(command, inside)
    try:
        until(service.is_healthy, "the worker is healthy", service)
        assert service.process is not None
        proc = Path(f"/proc/{service.process.pid}")
        status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines())
        assert set(status["Uid"].split()) == {str(USER)}
        assert int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1"
        mounted = [line.split() for line in (proc / "mountinfo").read_text().splitlines()]
        (root,) = [fields[5] for fields in mounted if fields[4] == "/"]
        assert "ro" in root.split(",")
        for number in range(20):
            send(topics, "events", {"id": f"e{number}", "features": dict.fromkeys(FEATURES, 0.5)})
        until(lambda: len(records(topics, "predictions")) == 20, "events are answered", service)
        assert service.stop() == 0, service.log()[-3000:]
    finally:
        service.stop()


def test_what_is_left_without_a_right_to_write_is_noticed(read_only_root: None, registry: Path) -> None:
    """The test above means something: a write outside /mnt/state fails there."""
    tried = ("/tmp/x", "/var/lib/x", "/mnt/x", "/mnt/code/x", "/mnt/state/x")
    script = "for each in " + " ".join(tried) + '; do (echo > "$each") 2>/dev/null && echo "$each"; done; true'
    command = [
        *("unshare", "--mount", "--propagation", "private", "sh", "-c", READ_ONLY, "sh"),
        *(sysconfig.get_path("purelib"), sys.base_prefix, str(ROOT), str(registry), str(USER), "sh", "-c", script),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["/mnt/state/x"]
