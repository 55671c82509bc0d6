"""What became of the process of an isolated model: counted each time, logged now and then."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from models.isolated import Loss
from streams.telemetry.metrics import Metrics

LOG_EVERY_S = 5.0


class LossTelemetry:
    """Told on the thread that asks the model. `searching` is a sign of life for whoever thinks the worker hangs."""

    def __init__(
        self,
        model: str,
        deadline_ms: int,
        metrics: Metrics,
        searching: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model, self._deadline_ms, self._metrics = model, deadline_ms, metrics
        self._searching, self._clock = searching, clock
        self._log = structlog.get_logger("streams.model").bind(model=model)
        self._logged_at = -LOG_EVERY_S
        self._unsaid = 0

    def lost(self, loss: Loss) -> None:
        """A child was lost and is replaced."""
        self._metrics.model_restarted(self._model, loss.cause)
        self._searching()
        now = self._clock()
        if now - self._logged_at < LOG_EVERY_S:
            self._unsaid += 1
            return
        self._log.warning(
            "model process replaced",
            why=loss.why,
            rows=loss.rows,
            deadline_ms=self._deadline_ms,
            without_answer=loss.in_a_row,
            not_logged=self._unsaid,
        )
        self._logged_at, self._unsaid = now, 0
