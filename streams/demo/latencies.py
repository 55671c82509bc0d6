"""Percentiles of latencies in whole ms, over all of a run, in bounded memory. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

MOST_MS = 60_000


class Latencies:
    """Counts by ms; what is longer than a minute counts as a minute."""

    def __init__(self) -> None:
        self._counts = np.zeros(MOST_MS + 1, dtype=np.int64)

    def add(self, latencies_ms: ArrayLike) -> None:
        clipped = np.clip(np.asarray(latencies_ms, dtype=np.int64), 0, MOST_MS)
        np.add.at(self._counts, clipped, 1)

    def percentile(self, percent: float) -> int | None:
        """The least latency that `percent` of all are not above; None without any."""
        total = int(self._counts.sum())
        if not total:
            return None
        return int(np.searchsorted(np.cumsum(self._counts), np.ceil(total * percent / 100)))
