"""Which worker processes there are: their slots, and where each tells of itself."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from streams.settings import Settings, SettingsError
from streams.settings.problems import problem_at

MOST_WORKERS = 64
"""Each is a value of a metric label, and each holds a model."""

LONGEST_SLOT = 100
LONGEST_PATH = 100
"""Bytes of a Unix socket's path; systems take 103 to 107."""


def slot_of(base: str, number: int) -> str:
    """The same after each restart. The first has the slot that a single worker would have, so to go from one to several
    leaves no partition silent. The others have a dot, where other workers' slots have a dash: ``predict-1`` may be one.
    """
    return f"{base}.{number}" if number else base


def socket_of(state_dir: Path, group: str, slot: str) -> Path:
    """Short, whatever the names: a path of a socket has a bound."""
    name = hashlib.blake2b(f"{group}/{slot}".encode(), digest_size=6).hexdigest()
    return state_dir / "workers" / f"{name}.sock"


def check_plan(settings: Settings, base: str, workers: int) -> None:
    """Raises SettingsError where a name is too long."""
    problems = []
    if len(slot_of(base, workers - 1)) > LONGEST_SLOT:
        rule = f"with its number of {workers} workers at most {LONGEST_SLOT} characters"
        problems.append(problem_at(settings, "worker.slot", rule, "shorten it"))
    path = socket_of(settings.worker.state_dir, settings.kafka.group, base)
    if len(os.fsencode(path)) > LONGEST_PATH:
        rule = f"with --workers a path of at most {LONGEST_PATH - 31} bytes, since sockets are made in it"
        problems.append(problem_at(settings, "worker.state_dir", rule, "shorten it, or give a relative one"))
    if problems:
        raise SettingsError(problems)
