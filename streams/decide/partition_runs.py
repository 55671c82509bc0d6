"""Where the rows of each partition stand in a batch: the consumer gives many of one partition in a row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def partition_runs(owners: NDArray[np.int64]) -> dict[int, list[slice]]:
    """By partition, the runs of rows that are its own."""
    if not len(owners):
        return {}
    starts = [0, *(np.flatnonzero(np.diff(owners)) + 1).tolist()]
    runs: dict[int, list[slice]] = {}
    for start, end, owner in zip(starts, [*starts[1:], len(owners)], owners[starts].tolist(), strict=True):
        runs.setdefault(owner, []).append(slice(start, end))
    return runs
