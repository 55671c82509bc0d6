"""What a long run watches: how many cases there were, and whether memory stays flat."""

from __future__ import annotations

import time
from pathlib import Path

MOST_GROWTH_MB = 16.0
"""From the first tenth of the cases to the end."""


class Watch:
    """Told of each case."""

    def __init__(self, cases: int) -> None:
        self._tenth, self._began = max(1, cases // 10), time.monotonic()
        self.count, self._first_mb = 0, 0.0

    def case(self) -> None:
        self.count += 1
        if self.count == self._tenth:
            self._first_mb = resident_mb()

    def verdict(self) -> tuple[bool, str]:
        """Whether memory is flat, and the figures."""
        grown_mb, seconds = resident_mb() - self._first_mb, time.monotonic() - self._began
        figures = (
            f"{self.count} cases, {self.count / seconds:.0f}/s, memory {self._first_mb:.0f} MB after a tenth, "
            f"{grown_mb:+.1f} MB at the end"
        )
        return grown_mb <= MOST_GROWTH_MB, figures


def resident_mb() -> float:
    """Of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def keep(folder: Path, data: bytes) -> Path:
    """A case, to look at."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"case-{time.time_ns()}"
    path.write_bytes(data)
    return path
