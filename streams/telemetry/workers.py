"""What a supervisor tells of its worker processes, beside what they tell themselves."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector


class WorkersMetrics(Collector):
    """`worker`: the number of a process, from 0."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._now: list[tuple[int, int, bool]] = []
        registry.register(self)

    def tell(self, workers: Iterable[tuple[int, int, bool]]) -> None:
        """Of each its number, how often it was started again, and whether it answers."""
        self._now = list(workers)

    def describe(self) -> Iterable[Metric]:
        return self.collect()

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("weir_worker_up", "1 for a worker process that answers.", labels=["worker"])
        text = "Times that a worker process ended by itself."
        restarts = CounterMetricFamily("weir_worker_ends_total", text, labels=["worker"])
        for number, ends, answers in self._now:
            up.add_metric([str(number)], answers)
            restarts.add_metric([str(number)], ends)
        return [up, restarts]
