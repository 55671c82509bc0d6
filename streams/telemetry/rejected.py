"""A line in the log where most events are not answered: else all looks well while a producer sends something else."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import structlog

from streams.contracts import HEADER_ERROR, HEADER_MODEL, HEADER_SOURCE, Reason
from streams.records import OutboxRecord

WINDOW_S = 60.0
FEWEST = 10
"""Dead letters in a window; before the first answer, one is enough."""
FIX = "mend the producer; `weir dlq list` counts by field, `weir doctor` holds the newest events against the model"


class RejectedLog:
    """One line when most events of a window become dead letters, and one when most do not any more. For one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._log = structlog.get_logger("streams.model")
        self._since = clock()
        self._answered = 0
        self._rejected: Counter[Reason] = Counter()
        self._ever_answered = False
        self._is_told = False

    def committed(
        self, model: str, answered: int, rejected: Mapping[Reason, int], outbox: Iterable[OutboxRecord]
    ) -> None:
        """A batch is committed; `outbox` is looked at for an example."""
        now = self._clock()
        if now - self._since >= WINDOW_S:
            if self._is_told and self._rejected.total() < self._answered:
                self._log.warning("most events are answered again", model=model, answered=self._answered)
                self._is_told = False
            self._since, self._answered = now, 0
            self._rejected.clear()
        self._answered += answered
        self._rejected.update(rejected)
        self._ever_answered = self._ever_answered or answered > 0
        count = self._rejected.total()
        most = count > self._answered and (count >= FEWEST or not self._ever_answered)
        if rejected and most and not self._is_told:
            self._is_told = True
            reasons = {reason.value: each for reason, each in self._rejected.most_common()}
            of = count + self._answered
            self._log.warning(
                "most events become dead letters",
                model=model, rejected=count, of=of, reasons=reasons, example=_example(model, outbox), fix=FIX,
            )  # fmt: skip


def _example(model: str, outbox: Iterable[OutboxRecord]) -> str:
    """Of this model: where and why. The text holds no data of the event."""
    for record in outbox:
        headers = dict(record.headers or ())
        if HEADER_ERROR in headers and headers.get(HEADER_MODEL, model.encode()) == model.encode():
            where, why = headers.get(HEADER_SOURCE, b""), headers[HEADER_ERROR]
            return f"{where.decode('utf-8', 'replace')}: {why.decode('utf-8', 'replace')}"
    return ""
