"""A worker's slot: the stable name behind its static membership and its transactional ids."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import socket
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Slot:
    """`name` survives a restart of the worker. `lock` is the open lock file of a name that was chosen here; `fenced`
    is the file whose age says how long ago a worker of this host lost the slot."""

    name: str
    host: str
    fenced: Path
    lock: int | None = None

    def release(self) -> None:
        if self.lock is not None:
            os.close(self.lock)

    def note_fenced(self) -> None:
        """Remember, over a restart, that another worker has this slot. A disk that is full or read-only keeps nobody
        from leaving."""
        with contextlib.suppress(OSError):
            self.fenced.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.fenced.touch(mode=0o600)

    def to_wait_s(self, session_timeout_s: float) -> float:
        """How long to stay away, so that two workers with one slot do not fence each other as fast as they start."""
        try:
            ago = time.time() - self.fenced.stat().st_mtime
        except OSError:
            return 0.0
        return max(0.0, min(session_timeout_s, session_timeout_s - ago))


def claim_slot(configured: str | None, state_dir: Path, group: str) -> Slot:
    """The configured slot, or host name and the lowest number whose lock file is free.

    A configured slot is not locked: its newest holder wins, and the broker fences the one before.
    """
    host = socket.gethostname()
    directory = state_dir / "slots"
    if configured is not None:
        return Slot(configured, host, directory / f"{group}-{configured}.fenced")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    safe_host = re.sub(r"[^A-Za-z0-9._-]", "-", host)[:80]
    for number in count():
        lock = os.open(directory / f"{group}-{number}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        name = f"{safe_host}-{number}"
        return Slot(name, host, directory / f"{group}-{name}.fenced", lock)
    raise AssertionError("unreachable: numbers do not end")
