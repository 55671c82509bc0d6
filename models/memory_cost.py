"""How much memory one more copy of a model takes, measured by loading it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

STATM = Path("/proc/self/statm")


def memory_cost_mb(load: Callable[[], T]) -> float | None:
    """MB of 2**20 bytes that are resident more with what `load` gives than without. None where the system does not say.

    To be called when the same was loaded before: libraries that it needs are not its own. Raises what `load` raises.
    """
    before = _resident_mb()
    if before is None:
        return None
    loaded = load()
    after = _resident_mb()
    del loaded
    return None if after is None else max(0.0, after - before)


def _resident_mb() -> float | None:
    if not STATM.exists():
        return None
    try:
        ctypes.CDLL(None).malloc_trim(0)  # what was freed before must not hide what is taken now
    except (AttributeError, OSError):
        return None
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20
