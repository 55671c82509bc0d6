from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from streams.demo import worker_child
from streams.demo.processes import StartError
from streams.demo.worker_child import MOST_DEATHS, WorkerChild, WorkerLost
from tests.waiting import until

SERVES = """
import http.server, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(b'# HELP\\nweir_drift_statistic{model="m",signal="f1"} 0.25\\n'
                         b'weir_drift_statistic{model="m",signal="metric/score"} 1.5e-05\\n')
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["WEIR_ADMIN__PORT"])), Handler).serve_forever()
"""


def _child(monkeypatch: pytest.MonkeyPatch, folder: Path, program: str, *, replaceable: bool = True) -> WorkerChild:
    monkeypatch.setattr(worker_child, "COMMAND", (sys.executable, "-c", program))
    return WorkerChild(folder, dict(os.environ), replaceable=replaceable)


def _until_dead(pid: int) -> None:
    command = Path(f"/proc/{pid}/cmdline")
    until(lambda: not command.exists() or not command.read_bytes(), f"process {pid} is gone", 20)


def test_it_is_ready_when_it_says_so_and_tells_its_statistics(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with _child(monkeypatch, tmp_path, SERVES) as child:
        child.wait_until_ready(30)
        assert child.statistics() == {"f1": 0.25, "metric/score": 1.5e-05}
        pid = child.pid
        assert pid is not None
        child.close()
        assert child.pid is None
        assert not child.is_ready()
    _until_dead(pid)


def test_one_that_dies_is_started_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with _child(monkeypatch, tmp_path, SERVES) as child:
        child.wait_until_ready(30)
        first = child.pid
        assert first is not None
        os.kill(first, 9)
        until(lambda: child.keep_running() or child.restarts, "it was started again", 20)
        assert child.restarts == 1
        assert child.pid != first
        child.wait_until_ready(30)


def test_one_that_only_dies_is_an_error_with_its_last_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (
        _child(monkeypatch, tmp_path, "raise SystemExit('no such model')") as child,
        pytest.raises(StartError, match="no such model"),
    ):
        child.wait_until_ready(30)
    assert child.log.read_text().count("no such model") == MOST_DEATHS


def test_one_that_cannot_be_replaced_is_mourned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with _child(monkeypatch, tmp_path, SERVES, replaceable=False) as child:
        child.wait_until_ready(30)
        assert child.pid is not None
        os.kill(child.pid, 9)
        with pytest.raises(WorkerLost, match="exit code -9"):
            until(child.keep_running, "it was missed", 20)
    assert child.restarts == 0
