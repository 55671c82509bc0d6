"""What workers published about events, found by going along with the replay. Pure.

Answers of a partition are in the order of its events, so one look ahead at each topic is enough, however long the
range is. What an earlier attempt published again (at least once) is passed over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from streams.contracts import Reason
from streams.replay.outcomes import Outcome, Rejected, place_of, prediction_of, rejected_of, topic_of
from streams.replay.source import SourceRecord


class Published:
    """Predictions and dead letters about the events of `topic` by one model. For offsets that rise in a partition."""

    def __init__(
        self,
        topic: str,
        model: str,
        predictions: Callable[[int], Iterator[SourceRecord]],
        dead_letters: Callable[[int], Iterator[SourceRecord]],
        *,
        speaks_for_all: bool = True,
    ) -> None:
        """`predictions` and `dead_letters` give what is published in a partition, from before the range on. Where the
        model `speaks_for_all`, it rejects what names a model that nobody has; the dead letter then has that name."""
        self._topic, self._model, self._speaks_for_all = topic, model, speaks_for_all
        self._read = (
            lambda partition: (prediction_of(record.value) for record in predictions(partition)),
            lambda partition: (rejected_of(record.headers) for record in dead_letters(partition)),
        )
        self._rest: dict[int, list[_Ahead]] = {}

    def at(self, partition: int, offset: int) -> Outcome | None:
        """None: this model published nothing about that event, or not where it was looked for."""
        if partition not in self._rest:
            self._rest[partition] = [_Ahead(self._own(read(partition))) for read in self._read]
        found = [rest.at(offset) for rest in self._rest[partition]]
        return found[1] or found[0]

    def _own(self, outcomes: Iterator[Outcome | None]) -> Iterator[Outcome]:
        for outcome in outcomes:
            if outcome is not None and self._is_own(outcome) and topic_of(outcome) == self._topic:
                yield outcome

    def _is_own(self, outcome: Outcome) -> bool:
        if outcome.model == self._model:
            return True
        return self._speaks_for_all and isinstance(outcome, Rejected) and outcome.reason is Reason.NO_MODEL


class _Ahead:
    """Outcomes of a partition, and the one that was looked at last: asked for by now, or further on."""

    def __init__(self, outcomes: Iterator[Outcome]) -> None:
        self._outcomes = outcomes
        self._last: Outcome | None = None
        self._offset: float = -1

    def at(self, offset: int) -> Outcome | None:
        while self._offset < offset:
            self._last = next(self._outcomes, None)
            self._offset = math.inf if self._last is None else place_of(self._last)[1]
        return self._last if self._offset == offset else None
