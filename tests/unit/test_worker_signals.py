"""A worker that is stopped in the moment that it starts ends as any other that is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path


def test_sigterm_before_the_event_loop_listens_ends_with_0(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from streams.cli import main; main()", "worker", "--role", "drift"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")} | {
        "WEIR_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "WEIR_WORKER__STATE_DIR": str(tmp_path / "state"),
        "WEIR_ADMIN__PORT": "0",
    }
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE) as worker:
        assert worker.stderr is not None
        try:
            for line in worker.stderr:
                if b'"event": "worker"' in line or b'"event":"worker"' in line:
                    worker.send_signal(signal.SIGTERM)
                    break
            assert worker.wait(20) == 0
        finally:
            worker.kill()
