"""What the breaker of a model, or of its challenger, does, told: a log line for each change, and a gauge."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from streams.ladder.breaker import State
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress


class BreakerTelemetry:
    """Of the model that a worker serves, whichever version that is."""

    def __init__(
        self,
        model: str,
        metrics: Metrics,
        progress: Progress,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._model, self._metrics, self._progress, self._now = model, metrics, progress, now
        self._log = structlog.get_logger("streams.model").bind(model=model)
        self._state = State.CLOSED

    def changed(self, state: State, why: str) -> None:
        """The breaker of the version that answers turned."""
        self._state = state
        self._metrics.breaker_open(self._model, is_open=state is not State.CLOSED)
        self._progress.breaker_turned(self._model, state.value, why, self._now().isoformat(timespec="milliseconds"))
        log = self._log.warning if state is State.OPEN else self._log.info
        log(f"circuit {state.value}", why=why)

    def switched(self, version: str) -> None:
        """Another version answers, with a breaker of its own, which is closed."""
        if self._state is not State.CLOSED:
            self.changed(State.CLOSED, f"version {version} answers now")


class ChallengerTelemetry:
    """Of whichever version challenges the one that a worker serves."""

    def __init__(self, model: str, metrics: Metrics) -> None:
        self._model, self._metrics = model, metrics
        self._log = structlog.get_logger("streams.challenger").bind(model=model)

    def challenging(self, version: str | None) -> None:
        """Another version challenges, with a breaker of its own, which is closed; or none does."""
        self._metrics.challenger_active(self._model, version)
        self._metrics.challenger_breaker_open(self._model, is_open=False)

    def changed(self, state: State, why: str) -> None:
        """The breaker of the challenger turned."""
        self._metrics.challenger_breaker_open(self._model, is_open=state is not State.CLOSED)
        log = self._log.warning if state is State.OPEN else self._log.info
        log(f"challenger's circuit {state.value}, answers do not depend on it", why=why)
