"""What workers published about events, found by going along with the replay. Pure.

Answers of a partition are in the order of its events, so one look ahead at each topic is enough, however long the
range is. What an earlier attempt published again (at least once) is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from streams.replay.outcomes import Outcome, place_of, prediction_of, rejected_of, topic_of
from streams.replay.source import SourceRecord


class Published:
    """Predictions and dead letters about the events of `topic` by one model. For offsets that rise in a partition."""

    def __init__(
        self,
        topic: str,
        model: str,
        predictions: Callable[[int], Iterator[SourceRecord]],
        dead_letters: Callable[[int], Iterator[SourceRecord]],
    ) -> None:
        """`predictions` and `dead_letters` give what is published in a partition, from before the range on."""
        self._topic, self._model = topic, model
        self._read = (
            lambda partition: (prediction_of(record.value) for record in predictions(partition)),
            lambda partition: (rejected_of(record.headers) for record in dead_letters(partition)),
        )
        self._rest: dict[int, list[Iterator[Outcome]]] = {}

    def at(self, partition: int, offset: int) -> Outcome | None:
        """None: this model published nothing about that event, or not where it was looked for."""
        if partition not in self._rest:
            self._rest[partition] = [self._own(read(partition)) for read in self._read]
        found = None
        for number, rest in enumerate(self._rest[partition]):
            for outcome in rest:
                if place_of(outcome)[1] < offset:
                    continue
                if place_of(outcome)[1] == offset:
                    found = outcome
                else:
                    self._rest[partition][number] = chain([outcome], rest)
                break
        return found

    def _own(self, outcomes: Iterator[Outcome | None]) -> Iterator[Outcome]:
        for outcome in outcomes:
            if outcome is not None and outcome.model == self._model and topic_of(outcome) == self._topic:
                yield outcome
