"""The brokers that the demo starts: they serve, they end with whoever started them, and they leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams.demo import broker as seam
from streams.demo.broker import EmbeddedBroker, EmbeddedBrokerMissing, LocalBroker, LocalKafka, PortTaken
from streams.demo.kafka_jars import KafkaMissingError, find_jars, find_java
from streams.demo.processes import StartError, free_ports
from tests.waiting import until

COMMAND = "from streams.cli import main; main()"


def round_trip(broker: LocalBroker) -> bytes | None:
    """Create a topic, publish one record, read it back."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    admin.create_topics([NewTopic("echo", num_partitions=1, replication_factor=1)])["echo"].result(20)
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    producer.produce("echo", b"hello")
    assert producer.flush(20) == 0
    consumer = Consumer(
        {"bootstrap.servers": broker.bootstrap_servers, "group.id": "echo", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe(["echo"])
    try:
        message = consumer.poll(20)
        return None if message is None else message.value()
    finally:
        consumer.close()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which everything temporary lands."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("embedded")
def test_the_embedded_broker_serves_and_leaves_nothing_behind(temporary: Path) -> None:
    with EmbeddedBroker() as broker:
        assert round_trip(broker) == b"hello"
        process = broker.process
        assert process is not None
        assert list(temporary.iterdir())
    assert process.returncode is not None
    assert list(temporary.iterdir()) == []


def test_a_local_kafka_has_the_same_interface(kafka: LocalKafka) -> None:
    assert round_trip(kafka) == b"hello"


@pytest.mark.usefixtures("embedded")
def test_a_failed_start_says_why_and_leaves_nothing_behind(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = temporary / "broken"
    broken.write_text("#!/bin/sh\necho this build is broken\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(seam, "embedded_binary", lambda: broken)
    with pytest.raises(StartError, match="this build is broken"), EmbeddedBroker():
        pass
    assert list(temporary.iterdir()) == [broken]


def test_a_broker_that_never_gets_ready_is_ended_at_the_deadline(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = temporary / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 600\n")
    silent.chmod(0o755)
    monkeypatch.setattr(seam, "embedded_binary", lambda: silent)
    broker = EmbeddedBroker(ready_s=0.3)
    with pytest.raises(StartError, match="not ready in time"):
        broker.__enter__()
    assert broker.process is not None
    assert broker.process.returncode is not None


def test_where_the_wheel_is_missing_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seam, "_PACKAGE", "no_such_package")
    with pytest.raises(EmbeddedBrokerMissing, match=r"weir-streaming\[demo\].*--broker kafka"), EmbeddedBroker():
        pass


@pytest.mark.usefixtures("embedded")
def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} "), EmbeddedBroker(port=port):
            pass


@pytest.mark.usefixtures("embedded")
def test_the_embedded_broker_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import sys; from streams.demo.broker import EmbeddedBroker\n"
        "broker = EmbeddedBroker().__enter__(); print(broker.process.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert parent.stdin is not None and parent.stdout is not None
    with parent.stdin, parent.stdout:
        child = Path("/proc") / parent.stdout.readline().strip()
        parent.kill()
        parent.wait()
    until(lambda: not child.exists(), "the broker ended with its parent", 20)


@pytest.mark.usefixtures("embedded")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_the_address_and_ends_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    running = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "broker", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    try:
        assert running.stdout is not None
        address = json.loads(running.stdout.readline())["bootstrap_servers"]
        assert "echo" not in AdminClient({"bootstrap.servers": address}).list_topics(timeout=10).topics
        running.send_signal(number)
        _, talk = running.communicate(timeout=20)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 0
    assert address in talk
    assert "GLIBC" not in talk
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("embedded")
def test_the_command_names_a_taken_port_and_the_option() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, "broker", "--port", port],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 2
    assert port in done.stderr
    assert "--port" in done.stderr


def test_without_java_or_jars_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("WEIR_KAFKA_JARS", raising=False)
    with pytest.raises(KafkaMissingError, match="apt-get install"):
        find_java()
    with pytest.raises(KafkaMissingError, match="apt-get install"):
        find_jars(tmp_path)


@pytest.mark.parametrize("said", ['openjdk version "11.0.2"', 'java version "1.8.0_391"', "command not supported"])
def test_a_java_that_is_too_old_is_named(said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "bin" / "java"
    old.parent.mkdir()
    old.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(KafkaMissingError, match=rf"Java 17.*{old}"):
        find_java()


def test_a_folder_given_for_the_jars_must_hold_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_KAFKA_JARS", str(tmp_path))
    with pytest.raises(KafkaMissingError, match="WEIR_KAFKA_JARS"):
        find_jars(tmp_path)
    (tmp_path / "kafka_2.13-4.1.0.jar").touch()
    assert find_jars(tmp_path / "unused") == tmp_path


def test_ports_are_free_and_differ() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    with socket.socket() as one:
        one.bind(("127.0.0.1", ports[0]))
