"""`weir demo` as somebody runs it: from outside, on the embedded broker and on a Kafka that is there already."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from streams.demo.kraft import KafkaCluster

KEYS = [
    "events", "predictions", "dead_letters", "tombstones", "alerts", "injected", "seed", "first_prediction_s",
    "detection_delay_s", "throughput_per_s", "p50_ms", "p99_ms",
]  # fmt: skip
FLOWING = re.compile(r"^\d+ s: [\d,]+ events, [1-9][\d,]* predictions", re.MULTILINE)


class Demo:
    """A demo with a working directory and a folder for temporary files of its own."""

    def __init__(self, folder: Path) -> None:
        self.work, self._temporary, self.talk = folder / "work", folder / "temporary", folder / "talk"
        self.work.mkdir()
        self._temporary.mkdir()
        self.process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
        with self.talk.open("w") as talk:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from streams.cli import main; main()", "demo", *arguments],
                cwd=self.work,
                env={**environ, "TMPDIR": str(self._temporary)},
                stdout=subprocess.PIPE,
                stderr=talk,
                text=True,
            )
        return self.process

    def finish(self, timeout_s: float = 100) -> str:
        """What it wrote to stdout; it succeeded."""
        assert self.process is not None
        out, _ = self.process.communicate(timeout=timeout_s)
        assert self.process.returncode == 0, self.said()
        return out

    def wait_until_it_says(self, text: str, timeout_s: float = 60) -> None:
        self._wait_for(re.compile(re.escape(text)), timeout_s)

    def wait_until_answers_flow(self, timeout_s: float = 60) -> None:
        self._wait_for(FLOWING, timeout_s)

    def _wait_for(self, pattern: re.Pattern[str], timeout_s: float) -> None:
        assert self.process is not None
        deadline = time.monotonic() + timeout_s
        while not pattern.search(self.said()):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def said(self) -> str:
        return self.talk.read_text()

    def children(self) -> dict[int, str]:
        """Living processes that inherited the folder for temporary files."""
        mark = f"TMPDIR={self._temporary}".encode()
        found = {}
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdigit() and mark in (process / "environ").read_bytes().split(b"\0"):
                    found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it has ended meanwhile
        return found

    def kill_worker(self) -> None:
        [worker] = [pid for pid, command in self.children().items() if "warm_worker" in command]
        os.kill(worker, signal.SIGKILL)

    def assert_nothing_is_left(self) -> None:
        assert self.children() == {}
        assert list(self._temporary.iterdir()) == []
        assert list(self.work.iterdir()) == []

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    mine = Demo(tmp_path)
    yield mine
    mine.close()


@pytest.mark.parametrize("broker", ["embedded", "kafka"])
def test_every_event_is_answered_the_drift_is_found_and_nothing_is_left(
    demo: Demo, broker: str, request: pytest.FixtureRequest
) -> None:
    cluster: KafkaCluster | None = request.getfixturevalue("kafka") if broker == "kafka" else None
    where = ["--bootstrap-servers", cluster.bootstrap_servers] if cluster else []
    before = _names(cluster.bootstrap_servers) if cluster else set()
    demo.start("--duration", "12", "--drift-at", "4", "--rate", "1000", "--seed", "7", "--json", *where)
    lines = demo.finish().splitlines()

    assert len(lines) == 1
    result: dict[str, Any] = json.loads(lines[0])
    assert list(result) == KEYS
    assert result["events"] > 0
    assert result["events"] == result["predictions"] + result["dead_letters"] + result["tombstones"]
    assert result["dead_letters"] == result["tombstones"] == 0
    assert result["seed"] == 7
    injected = result["injected"]
    assert injected["kind"] == "shift"
    onset = {alert["signal"].get("feature"): alert["detected_at"] for alert in reversed(result["alerts"])}
    assert injected["feature"] in onset, demo.said()
    assert min(onset.values()) > injected["at"]
    for figure in ("first_prediction_s", "detection_delay_s", "throughput_per_s", "p50_ms", "p99_ms"):
        assert result[figure] > 0, figure
    said = demo.said()
    assert "replay" in said and "1,000 events a second" in said
    assert f"DRIFT INJECTED: from now on sensor {injected['feature']}" in said
    assert f"feature {injected['feature']}" in said
    demo.assert_nothing_is_left()
    if cluster:
        # What other tests left on this broker may go meanwhile.
        assert _names(cluster.bootstrap_servers) <= before


def test_told_to_end_it_still_answers_everything(embedded_demo: Demo) -> None:
    process = embedded_demo.start("--rate", "500", "--drift-at", "600")
    embedded_demo.wait_until_answers_flow()
    assert len(embedded_demo.children()) >= 3
    process.send_signal(signal.SIGTERM)
    assert "every event answered once" in embedded_demo.finish()
    embedded_demo.assert_nothing_is_left()


def test_who_asks_twice_gets_it_at_once_and_clean(embedded_demo: Demo) -> None:
    process = embedded_demo.start("--rate", "500")
    embedded_demo.wait_until_answers_flow()
    process.send_signal(signal.SIGINT)
    embedded_demo.wait_until_it_says("Ctrl-C again ends it")
    process.send_signal(signal.SIGINT)
    _assert_stopped(embedded_demo)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_it_starts_one_signal_is_enough(embedded_demo: Demo, number: signal.Signals) -> None:
    process = embedded_demo.start()
    embedded_demo.wait_until_it_says("Kafka (embedded)")
    process.send_signal(number)
    _assert_stopped(embedded_demo)


def _assert_stopped(demo: Demo) -> None:
    assert demo.process is not None
    demo.process.communicate(timeout=60)
    assert demo.process.returncode == 1
    assert "stopped before it had its result" in demo.said()
    assert "Traceback" not in demo.said()
    demo.assert_nothing_is_left()


def test_a_worker_that_is_killed_is_started_again_and_nothing_is_lost(demo: Demo, kafka: KafkaCluster) -> None:
    process = demo.start("--rate", "500", "--drift-at", "600", "--bootstrap-servers", kafka.bootstrap_servers)
    demo.wait_until_answers_flow()
    demo.kill_worker()
    demo.wait_until_it_says("the worker had ended and was started again")
    process.send_signal(signal.SIGTERM)
    assert "every event answered once" in demo.finish()
    demo.assert_nothing_is_left()


def test_a_worker_that_cannot_be_replaced_ends_the_demo(embedded_demo: Demo) -> None:
    process = embedded_demo.start("--rate", "500", "--drift-at", "600")
    embedded_demo.wait_until_answers_flow()
    embedded_demo.kill_worker()
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the worker ended (exit code -9)" in embedded_demo.said()
    assert "--broker kafka" in embedded_demo.said()
    assert "Traceback" not in embedded_demo.said()
    embedded_demo.assert_nothing_is_left()


def test_a_kafka_that_is_not_there_is_named(embedded_demo: Demo) -> None:
    process = embedded_demo.start("--bootstrap-servers", "127.0.0.1:1", "--duration", "5")
    process.communicate(timeout=100)
    assert process.returncode == 3
    assert "127.0.0.1:1" in embedded_demo.said()
    embedded_demo.assert_nothing_is_left()


@pytest.fixture
def embedded_demo(demo: Demo, embedded: object) -> Demo:
    """A demo for a machine on which the embedded broker runs."""
    del embedded
    return demo


def _names(bootstrap_servers: str) -> set[str]:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    groups = admin.list_consumer_groups().result(10).valid
    return {*admin.list_topics(timeout=10).topics, *(group.group_id for group in groups)} - {
        "__consumer_offsets",
        "__transaction_state",
    }
