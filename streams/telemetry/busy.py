"""What lanes spend their time on, as shares of the recent past."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from enum import StrEnum

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

WINDOW_S = 10.0


class Activity(StrEnum):
    """What a lane does at any moment."""

    BUSY = "busy"
    IDLE = "idle"
    BACK_PRESSURED = "back_pressured"  # the broker did not take a batch, or could not be reached


class BusyRatio(Collector):
    """Shares over this and the last window of `WINDOW_S` lane-seconds. No clock: spent time is what moves it."""

    def __init__(self, name: str, documentation: str, registry: CollectorRegistry) -> None:
        self._name, self._documentation = name, documentation
        self._lock = threading.Lock()
        self._last = dict.fromkeys(Activity, 0.0)
        self._now = dict.fromkeys(Activity, 0.0)
        registry.register(self)

    def spent(self, activity: Activity, seconds: float) -> None:
        """Add time that a lane spent."""
        with self._lock:
            self._now[activity] += seconds
            if sum(self._now.values()) >= WINDOW_S:
                self._last, self._now = self._now, dict.fromkeys(Activity, 0.0)

    def ratios(self) -> dict[Activity, float]:
        """Shares that add up to 1; all 0 before anything was spent."""
        with self._lock:
            sums = {activity: self._last[activity] + self._now[activity] for activity in Activity}
        total = sum(sums.values())
        return {activity: seconds / total if total else 0.0 for activity, seconds in sums.items()}

    def describe(self) -> Iterable[Metric]:
        return [GaugeMetricFamily(self._name, self._documentation, labels=["state"])]

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(self._name, self._documentation, labels=["state"])
        for activity, ratio in self.ratios().items():
            family.add_metric([activity.value], ratio)
        yield family
