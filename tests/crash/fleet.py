"""Workers as processes of their own, started again whenever they end."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

POINTS = (
    "after_consume",
    "after_decide",
    "after_produce",
    "after_offsets",
    "before_commit",
    "after_commit",
    "in_snapshot",
)

TICK_S = 0.1
"""How often a fleet is looked after: a death is at most so old when it is noticed."""

SOUND = ("-", 0)
"""The fate of a worker that is not to die by itself."""


@dataclass
class Death:
    slot: str
    how: str
    at: float


@dataclass
class Fleet:
    """`plan` gives each newly started worker its fail-point and the n-th time that it dies there. A context manager:
    at its end no worker is left."""

    environment: Mapping[str, str]
    folder: Path
    plan: deque[tuple[str, int]]
    mutant: str = "-"
    deaths: list[Death] = field(default_factory=list)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _fates: dict[str, tuple[str, int]] = field(default_factory=dict)
    _logs: list[IO[bytes]] = field(default_factory=list)
    _began: dict[str, int] = field(default_factory=dict)

    def start(self, slot: str, roles: str = "predict,drift") -> None:
        point, nth = self._fates[slot] = self.plan.popleft() if self.plan else SOUND
        log = self._log_path(slot).open("ab")
        self._logs.append(log)
        self._began[slot] = log.tell()
        self._running[slot] = subprocess.Popen(  # our own interpreter and module
            [sys.executable, "-m", "tests.crash.doomed_worker", roles, point, str(nth), self.mutant],
            env={**os.environ, **self.environment, "WEIR_WORKER__SLOT": slot},
            stdout=log,
            stderr=log,
        )

    def kill_one(self, rng: random.Random) -> None:
        """kill -9, wherever it is; the fail-point that it did not reach is left to a later one."""
        slot = rng.choice(sorted(self._running))
        if self._fates[slot] != SOUND:
            self.plan.append(self._fates[slot])
        self._fates[slot] = ("kill -9", 0)
        self._running[slot].kill()

    def revive(self) -> None:
        """Start again what has ended, and write down how it died. Any other end than a kill is an error."""
        for slot, process in list(self._running.items()):
            code = process.poll()
            if code is None:
                continue
            assert code == -signal.SIGKILL, f"worker {slot} ended with {code}: {self.log_of(slot)[-3000:]}"
            self.deaths.append(Death(slot, self._fates[slot][0], time.time() - TICK_S))
            self.start(slot)

    def is_up(self) -> bool:
        """Whether every worker, as it runs now, was assigned its partitions in both roles."""
        logs = (self._log_path(slot).read_bytes()[self._began[slot] :] for slot in self._running)
        return all(
            any(b'"assigned"' in line and role in line for line in log.splitlines())
            for log in logs
            for role in (b'"predict"', b'"drift"')
        )

    def stop(self) -> list[int]:
        """SIGTERM to all; the exit codes."""
        for process in self._running.values():
            process.terminate()
        codes = []
        for process in self._running.values():
            try:
                codes.append(process.wait(20))
            except subprocess.TimeoutExpired:
                process.kill()
                codes.append(process.wait())
        self._running.clear()
        return codes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()
        for log in self._logs:
            log.close()

    def log_of(self, slot: str) -> str:
        return self._log_path(slot).read_text(errors="replace")

    def _log_path(self, slot: str) -> Path:
        return self.folder / f"worker-{slot}.log"
