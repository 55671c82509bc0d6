"""Gathers what the demo shows, a few times a second: counts, statistics of the worker, alerts that have come."""

from __future__ import annotations

import time
from collections import deque

from streams.demo.feed import Feed
from streams.demo.injection import Injection
from streams.demo.screen import Screen
from streams.demo.summary import detection
from streams.demo.view import Snapshot
from streams.demo.watcher import Watcher
from streams.demo.worker_child import WorkerChild

STATISTICS_EVERY_S = 1.0
RATE_OVER_S = 3.0


class Display:
    """`update` is for the main thread."""

    def __init__(
        self,
        screen: Screen,
        *,
        feed: Feed,
        watcher: Watcher,
        worker: WorkerChild,
        injection: Injection,
        features: tuple[str, ...],
    ) -> None:
        self._screen, self._feed, self._watcher, self._worker = screen, feed, watcher, worker
        self._injection, self._features = injection, features
        self._alerts_shown = 0
        self._alerting: dict[str, bool] = {}
        self._injection_shown = False
        self._restarts_shown = 0
        self._asked_at = 0.0
        self._statistics: dict[str, float] = {}
        self._recent: deque[tuple[float, int]] = deque()

    def say(self, text: str) -> None:
        self._screen.say(text)

    def update(self, phase: str) -> None:
        """Show news and the state of things."""
        now = time.monotonic()
        self._news()
        if now - self._asked_at >= STATISTICS_EVERY_S:
            self._asked_at = now
            self._statistics = self._worker.statistics() or self._statistics
        counts = self._watcher.counts()
        self._recent.append((now, counts.predictions))
        while self._recent[0][0] < now - RATE_OVER_S:
            self._recent.popleft()
        (then, before), elapsed_s = self._recent[0], self._feed.elapsed_s()
        injected_at_ms = self._feed.injected_at_ms
        found = detection(self._watcher.alerts(), self._injection.feature, injected_at_ms) if injected_at_ms else None
        drifting_s = self._feed.drifting_s()
        self._screen.show(
            Snapshot(
                phase=phase,
                elapsed_s=elapsed_s,
                counts=counts,
                per_s=(counts.predictions - before) / (now - then) if now > then else 0.0,
                features=self._features,
                injected_feature=self._injection.feature,
                injection=str(self._injection),
                drift_in_s=max(0.0, self._feed.drift_at_s - elapsed_s) if drifting_s is None else None,
                drift_since_s=drifting_s,
                found_after_s=(found.seen_ms - injected_at_ms) / 1_000 if found and injected_at_ms else None,
                alerting=frozenset(name for name, firing in self._alerting.items() if firing),
                restarts=self._worker.restarts,
                statistics=self._statistics,
            )
        )

    def _news(self) -> None:
        if self._feed.injected_at_ms is not None and not self._injection_shown:
            self._injection_shown = True
            self._screen.say(f"DRIFT INJECTED: from now on {self._injection}")
        if self._worker.restarts > self._restarts_shown:
            self._restarts_shown = self._worker.restarts
            self._screen.say("the worker had ended and was started again; it goes on where its last commit was")
        alerts = self._watcher.alerts()
        for alert in alerts[self._alerts_shown :]:
            signal = alert.record.get("signal", {})
            key = signal.get("feature") or f"metric/{signal.get('metric')}"
            self._alerting[key] = alert.record.get("state") != "resolved"
            self._screen.alert(alert.record)
        self._alerts_shown = len(alerts)
