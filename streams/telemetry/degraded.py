"""How much of what was answered lately did not come from the model: as shares for a gauge, and as lines in the log."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping

import structlog
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from streams.contracts import Reason, ServedBy

WINDOW_S = 60.0
STEP_S = 1.0
"""Counts of the same step are kept as one."""

RUNGS = tuple(rung for rung in ServedBy if rung is not ServedBy.MODEL)


class DegradedShare(Collector):
    """Shares over the last `WINDOW_S`; a model that answers again, or is not asked, is back at 0 after that."""

    def __init__(
        self, name: str, documentation: str, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name, self._documentation, self._clock = name, documentation, clock
        self._lock = threading.Lock()
        self._recent: dict[str, deque[tuple[float, Counter[ServedBy]]]] = {}
        registry.register(self)

    def answered(self, model: str, by_rung: Mapping[ServedBy, int]) -> None:
        """Add answers, those of the model among them."""
        now = self._clock()
        with self._lock:
            recent = self._recent.setdefault(model, deque())
            if not recent or now - recent[-1][0] >= STEP_S:
                recent.append((now, Counter()))
            recent[-1][1].update(by_rung)
            self._forget(recent, now)

    def shares(self) -> dict[tuple[str, ServedBy], float]:
        """By model and rung."""
        now = self._clock()
        shares: dict[tuple[str, ServedBy], float] = {}
        with self._lock:
            for model, recent in self._recent.items():
                self._forget(recent, now)
                counts: Counter[ServedBy] = sum((each for _, each in recent), Counter())
                shares.update({(model, rung): counts[rung] / (counts.total() or 1) for rung in RUNGS})
        return shares

    def describe(self) -> Iterable[Metric]:
        return [GaugeMetricFamily(self._name, self._documentation, labels=["model", "rung"])]

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(self._name, self._documentation, labels=["model", "rung"])
        for (model, rung), share in self.shares().items():
            family.add_metric([model, rung.value], share)
        yield family

    @staticmethod
    def _forget(recent: deque[tuple[float, Counter[ServedBy]]], now: float) -> None:
        while recent and now - recent[0][0] > WINDOW_S:
            recent.popleft()


class DegradedLog:
    """A line when answers begin to come from elsewhere, and one when for `WINDOW_S` none did."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._log = structlog.get_logger("streams.model")
        self._since: float | None = None
        self._last = 0.0
        self._answers: Counter[str] = Counter()

    def committed(self, model: str, by_rung: Mapping[ServedBy, int], reasons: Mapping[Reason, int]) -> None:
        """A batch is answered and committed."""
        now = self._clock()
        degraded = {rung.value: count for rung, count in by_rung.items() if rung is not ServedBy.MODEL}
        if degraded:
            self._last = now
            self._answers.update(degraded)
            if self._since is None:
                self._since = now
                why = [reason.value for reason in reasons]
                self._log.warning("degraded: answers come from the fallback", model=model, why=why, **degraded)
        elif self._since is not None and now - self._last >= WINDOW_S:
            seconds = round(self._last - self._since, 1)
            self._log.warning("no longer degraded", model=model, seconds=seconds, **self._answers)
            self._since = None
            self._answers.clear()
