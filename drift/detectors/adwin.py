"""River's ADWIN (Bifet and Gavaldà 2007), kept as the bytes of its Rust window."""

from __future__ import annotations

from typing import Any, cast

from river.drift import ADWIN

from drift.detectors.contract import Detection, DetectorState
from drift.detectors.feed import Feed
from drift.detectors.sealed import opened, sealed
from drift.settings import DetectorSpec

_ADWIN = cast(Any, ADWIN)  # River's class says py.typed and carries no types


class AdwinDetector:
    """ADWIN: rises and falls of the mean."""

    def __init__(self, spec: DetectorSpec, feed: Feed, data: bytes | None = None) -> None:
        self._spec = spec
        self._feed = feed
        self._window = _ADWIN(**spec.parameters)
        if data is not None:
            self._window._helper.__setstate__(data)

    @classmethod
    def at_rest(cls, spec: DetectorSpec, feed: Feed, state: DetectorState) -> AdwinDetector | None:
        """None for another River version's or a damaged state: the window's parser aborts the process on bytes that it
        does not know, so it only ever gets its own."""
        data = opened(state)
        return cls(spec, feed, data) if data else None

    def update(self, value: float) -> Detection | None:
        self._window.update(self._feed.checked(self._spec.name, value))
        # The difference and the bound that made it cut stay inside River's window: no statistic to tell.
        return Detection(self._spec.name, self._spec.parameters) if self._window.drift_detected else None

    @property
    def data(self) -> bytes:
        return bytes(self._window._helper.__getstate__())

    def copy(self) -> AdwinDetector:
        return AdwinDetector(self._spec, self._feed, self.data)

    def dump(self) -> DetectorState:
        return sealed(self.data)
