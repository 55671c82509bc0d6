"""`weir worker --role http` as a process, without Kafka: what it says when it cannot begin, and that it ends well."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from streams.demo.processes import free_ports, spawn, stop
from tests.unit.http.test_models import publish
from tests.waiting import until

COMMAND = [sys.executable, "-c", "from streams.cli import main; main()", "worker", "--role", "http"]


def environment(folder: Path, **more: str) -> dict[str, str]:
    publish(folder / "registry", "m")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
    return {
        **inherited,
        "PYTHONPATH": str(Path.cwd()),
        "WEIR_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "WEIR_ADMIN__PORT": "0",
        **more,
    }


def test_what_keeps_it_from_beginning_is_named_and_the_exit_code_is_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for variable, value, word in (
            ("WEIR_HTTP__KEYS_FILE", str(tmp_path / "missing"), "http.keys_file"),
            ("WEIR_HTTP__PORT", str(port), "http.port"),
            ("WEIR_HTTP__HOST", "0.0.0.0", "http.allow_anonymous"),
        ):
            environ = environment(tmp_path, **{variable: value})
            ended = subprocess.run(
                COMMAND, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False
            )
            assert ended.returncode == 2, ended.stderr
            assert word in ended.stderr
            assert "Traceback" not in ended.stderr or word == "http.port", "a port is tried once all is started"


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_it_answers_without_kafka_and_ends_well(tmp_path: Path, isolation: str) -> None:
    port = free_ports(1)[0]
    log = tmp_path / "log"
    environ = environment(tmp_path, WEIR_HTTP__PORT=str(port), WEIR_MODEL__ISOLATION=isolation)
    refused: list[int] = []
    worker = spawn(COMMAND, log, tmp_path, environ)

    def answer() -> object:
        body = json.dumps({"input": [1.0, 2.0]}).encode()
        headers = {"Content-Type": "application/json"}
        try:
            with urlopen(Request(f"http://127.0.0.1:{port}/predict", body, headers), timeout=10) as said:
                return json.load(said)
        except HTTPError as error:
            refused.append(error.code)
            error.close()
        except OSError:
            assert worker.poll() is None, log.read_text()
        return None

    try:
        until(lambda: answer() == {"result": 1}, "it answers", said=log.read_text)
        assert set(refused) <= {503}, "until the model is loaded"
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0, log.read_text()
    finally:
        stop(worker)
    assert "Traceback" not in log.read_text()
