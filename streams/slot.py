"""A worker's slot: the stable name behind its static membership and its transactional ids."""

from __future__ import annotations

import fcntl
import os
import re
import socket
from dataclasses import dataclass
from itertools import count
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Slot:
    """`name` survives a restart of the worker. `lock` is the open lock file of a name that was chosen here."""

    name: str
    host: str
    lock: int | None = None

    def release(self) -> None:
        if self.lock is not None:
            os.close(self.lock)


def claim_slot(configured: str | None, state_dir: Path, group: str) -> Slot:
    """The configured slot, or host name and the lowest number whose lock file is free.

    A configured slot is not locked: its newest holder wins, and the broker fences the one before.
    """
    host = socket.gethostname()
    if configured is not None:
        return Slot(configured, host)
    directory = state_dir / "slots"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    safe_host = re.sub(r"[^A-Za-z0-9._-]", "-", host)[:80]
    for number in count():
        lock = os.open(directory / f"{group}-{number}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return Slot(f"{safe_host}-{number}", host, lock)
    raise AssertionError("unreachable: numbers do not end")
