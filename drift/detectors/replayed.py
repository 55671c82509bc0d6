"""Detectors without a codec, kept as the values they saw."""

from __future__ import annotations

from collections.abc import Sequence

from drift.detectors.contract import ChangeDetector, Detection, DetectorState, Factory
from drift.detectors.feed import Feed
from drift.settings import DetectorSpec

RESTORE_WINDOW = 100
"""Block values that a detector without a codec of its own is rebuilt from; it never remembers more than twice that."""


class ReplayedDetector:
    """Any detector, kept as the values it saw. From time to time, and at the same value whether restored in between or
    not, it starts again from the last `RESTORE_WINDOW`."""

    def __init__(self, spec: DetectorSpec, factory: Factory, feed: Feed, values: Sequence[float]) -> None:
        self._spec = spec
        self._factory = factory
        self._feed = feed
        self._values = list(values)
        self._inner = self._replayed()

    def _replayed(self) -> ChangeDetector:
        inner = self._factory(**self._spec.parameters)
        for value in self._values:
            inner.update(value)
        return inner

    def update(self, value: float) -> Detection | None:
        value = self._feed.checked(self._spec.name, value)
        if len(self._values) >= 2 * RESTORE_WINDOW:
            self._values = self._values[-RESTORE_WINDOW:]
            self._inner = self._replayed()
        self._values.append(value)
        self._inner.update(value)
        return Detection(self._spec.name, self._spec.parameters) if self._inner.drift_detected else None

    def copy(self) -> ReplayedDetector:
        # Not deepcopy: a detector of one's own may hold what cannot be copied, such as a logger's lock.
        return ReplayedDetector(self._spec, self._factory, self._feed, tuple(self._values))

    def dump(self) -> DetectorState:
        return DetectorState(values=tuple(self._values))
