"""The demo's worker: a real `weir worker` in a process of its own, started again when it dies, if the broker allows."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from streams.demo.processes import StartError, end_of, free_ports, spawn, stop
from streams.settings import variable_of

COMMAND = (sys.executable, "-m", "streams.demo.warm_worker")
MOST_DEATHS = 3
DEATHS_WITHIN_S = 30.0
STOP_GRACE_S = 12.0
"""A worker leaves within 10 s."""
HTTP_TIMEOUT_S = 0.5
STATISTIC = re.compile(rb'^weir_drift_statistic\{.*?signal="([^"]*)"\} ([-+0-9.eE]+)', re.MULTILINE)


class WorkerLost(Exception):
    """The worker died, and on this broker no other can take up its work."""

    def __init__(self, exit_code: int, log: bytes) -> None:
        super().__init__(
            f"the worker ended (exit code {exit_code}), and the embedded broker would hide from readers what another "
            f"publishes in its place; likely cause: it was killed, or the end of its log says why; fix: start the demo "
            f"again, or see a worker be replaced with: weir demo --broker kafka; {end_of(log)}"
        )


class WorkerChild:
    """It begins when the file named by WEIR_CONFIG in `environ` is there.

    `replaceable`: whether the broker lets another take up the work of one that died. A context manager. Call it from
    one thread that lasts as long as the worker.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str], *, replaceable: bool) -> None:
        self._folder = folder
        self._environ = environ
        self._replaceable = replaceable
        self._was_ready = False
        self._process: subprocess.Popen[bytes] | None = None
        self._deaths: deque[float] = deque(maxlen=MOST_DEATHS)
        self._port = 0
        self.log = folder / "worker.log"
        self.restarts = 0

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def keep_running(self) -> None:
        """Start it again if it has ended. Raises StartError when that is all it does, WorkerLost where none may."""
        assert self._process is not None
        exit_code = self._process.poll()
        if exit_code is None:
            return
        if self._was_ready and not self._replaceable:  # before, there was nothing that could be hidden
            raise WorkerLost(exit_code, self.log.read_bytes())
        now = time.monotonic()
        self._deaths.append(now)
        if len(self._deaths) == MOST_DEATHS and now - self._deaths[0] < DEATHS_WITHIN_S:
            raise StartError("the worker", self.log.read_bytes(), ended=True)
        self.restarts += 1
        self._start()

    def is_ready(self) -> bool:
        """Whether it has its model and its partitions."""
        return self._get("/readyz") is not None

    def wait_until_ready(self, timeout_s: float) -> None:
        """Raises StartError, WorkerLost."""
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            self.keep_running()
            if time.monotonic() > deadline:
                raise StartError("the worker", self.log.read_bytes(), ended=False)
            time.sleep(0.05)
        self._was_ready = True

    def statistics(self) -> dict[str, float]:
        """How far each signal is from training, in units of what is worth an alert. Empty while it does not answer."""
        return {name.decode(): float(value) for name, value in STATISTIC.findall(self._get("/metrics") or b"")}

    def close(self) -> None:
        """End it as an operator would: what it has in flight is answered and committed first."""
        if self._process is not None:
            stop(self._process, STOP_GRACE_S)
            self._process = None

    def abandon(self) -> None:
        """End it at once."""
        if self._process is not None:
            stop(self._process, 0)
            self._process = None

    def _start(self) -> None:
        self._port = free_ports(1)[0]
        environ = {**self._environ, variable_of("admin.port"): str(self._port)}
        self._process = spawn(COMMAND, self.log, self._folder, environ)

    def _get(self, path: str) -> bytes | None:
        """The body of a good answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=HTTP_TIMEOUT_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        else:
            return body if answer.status == http.client.OK else None
        finally:
            connection.close()
