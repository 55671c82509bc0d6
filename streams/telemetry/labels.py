"""A bound on the values of a metric label, so that names from outside cannot fill the memory."""

from __future__ import annotations

import threading

OTHER = "other"
LIMITS = {"model": 20, "version": 100, "class": 100, "signal": 1_000}


class BoundedLabels:
    """The first values of each label as they are, later ones as ``other``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, set[str]] = {label: set() for label in LIMITS}

    def __call__(self, label: str, value: str) -> str:
        seen = self._seen[label]
        if value in seen:
            return value
        with self._lock:
            if len(seen) >= LIMITS[label]:
                return OTHER
            seen.add(value)
            return value
