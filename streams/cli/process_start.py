"""When this process was started: what somebody who typed the command waits from."""

from __future__ import annotations

import os
import time
from pathlib import Path

_IMPORTED_MS = time.time_ns() // 1_000_000


def started_ms() -> int:
    """Ms of the wall clock. Where the system does not tell (it does on Linux), the import of this module."""
    try:
        # Field 22 of stat, in ticks since the boot; the name in field 2 may hold spaces, so count from its end.
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError, IndexError):
        return _IMPORTED_MS
    return round(time.time() * 1_000 - age_s * 1_000)
