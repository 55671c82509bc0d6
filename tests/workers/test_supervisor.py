"""`weir worker --workers 2` as a process, without Kafka: its workers answer requests at one port, one that is killed
comes back, and however the supervisor goes none is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from streams.demo.processes import free_ports, stop
from tests.unit.http.test_worker import environment
from tests.waiting import until
from tests.workers.kit import Supervised, command, is_gone

COMMAND = command("http")

SHORT_OF_PATIENCE = """
from streams.workers import restarts
restarts.FIRST_S, restarts.HOPELESS_AFTER = 0.01, 2
"""


class WithDoor(Supervised):
    """Its workers answer requests."""

    def __init__(self, folder: Path) -> None:
        (self._door,) = free_ports(1)
        super().__init__(folder, environment(folder, WEIR_HTTP__PORT=str(self._door), WEIR_WORKER__SLOT="a"), "http")

    def predict(self) -> int:
        body, headers = json.dumps({"input": [1.0, 2.0]}).encode(), {"Content-Type": "application/json"}
        with urlopen(Request(f"http://127.0.0.1:{self._door}/predict", body, headers), timeout=10) as said:
            return json.load(said)["result"]


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[WithDoor]:
    mine = WithDoor(tmp_path)
    try:
        until(mine.is_ready, "both are ready", said=mine.log.read_text, every_s=0.1)
        yield mine
    finally:
        stop(mine.process, 15)


def test_one_door_one_admin_port_a_killed_worker_comes_back_and_all_end_well(supervised: WithDoor) -> None:
    said = supervised.log.read_text
    assert [each["slot"] for each in supervised.workers()] == ["a", "a.1"]
    for _ in range(40):
        assert supervised.predict() == 1
    assert sum(supervised.samples()["weir_http_requests_total", worker] for worker in "01") == 40
    assert supervised.ask("/livez")[0] == 200

    before = supervised.workers()
    os.kill(before[1]["pid"], signal.SIGKILL)
    until(lambda: supervised.samples()["weir_worker_ends_total", "1"] == 1, "its end is noticed", said=said)
    for _ in range(10):
        assert supervised.predict() == 1, "the other one answers"
    until(lambda: supervised.is_ready() and supervised.workers()[1]["ready"], "it is back", said=said, every_s=0.1)
    first, second = supervised.workers()
    assert first["pid"] == before[0]["pid"]
    assert (second["slot"], second["last_exit_code"], second["ends"]) == ("a.1", -9, 1)
    assert second["pid"] != before[1]["pid"]
    assert supervised.samples()["weir_worker_up", "1"] == 1

    supervised.process.send_signal(signal.SIGTERM)
    assert supervised.process.wait(20) == 0, said()
    assert all(is_gone(each["pid"]) for each in (first, second))
    assert "Traceback" not in said()


def test_none_outlives_a_supervisor_that_is_killed(supervised: WithDoor) -> None:
    pids = supervised.pids()
    supervised.process.kill()
    supervised.process.wait(10)
    until(lambda: all(map(is_gone, pids)), "they are gone", 10)


def test_told_twice_to_stop_it_does_not_wait_for_a_worker_that_hangs(supervised: WithDoor) -> None:
    pids = supervised.pids()
    os.kill(pids[0], signal.SIGSTOP)
    supervised.process.send_signal(signal.SIGTERM)
    until(lambda: is_gone(pids[1]), "the other one ended in order", 20)
    assert supervised.process.poll() is None, "it waits for the one that hangs"
    assert supervised.ask("/readyz") == (503, "stopping\n")
    supervised.process.send_signal(signal.SIGTERM)
    assert supervised.process.wait(5) == 1
    assert is_gone(pids[0])


def test_what_no_restart_mends_ends_it_with_its_exit_code(tmp_path: Path) -> None:
    for variables, word in (
        ({"WEIR_HTTP__KEYS_FILE": str(tmp_path / "missing")}, "http.keys_file"),
        ({"WEIR_WORKER__SLOT": "s" * 100}, "worker.slot"),
    ):
        environ = environment(tmp_path, **variables)
        ended = subprocess.run(
            COMMAND, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 2, ended.stderr
        assert word in ended.stderr


def test_workers_that_end_again_and_again_end_it(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SHORT_OF_PATIENCE)
    environ = environment(tmp_path, WEIR_MODEL__NAME="missing", PYTHONPATH=f"{tmp_path}:{Path.cwd()}")
    ended = subprocess.run(COMMAND, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 1, ended.stderr
    assert "every worker ends again and again" in ended.stderr
