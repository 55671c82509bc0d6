"""Publishers that go wrong about their transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer

from streams.kafka.at_least_once import AtLeastOncePublisher
from streams.kafka.deliveries import Deliveries
from streams.kafka.patience import Patience
from streams.kafka.publisher import Publisher
from streams.kafka.reader import Reader
from streams.records import OutboxRecord

Offsets = Mapping[tuple[str, int], int]


def dead_letters_outside_the_transaction() -> None:
    """Dead letters by a producer of their own, before the transaction."""
    publish = Publisher.publish

    def wrong(self: Publisher, outbox: Sequence[OutboxRecord], offsets: Offsets, group: Any, *more: Any) -> None:
        letters = [record for record in outbox if "dead-letters" in record.topic]
        deliveries = Deliveries(self._client_config)
        deliveries.produce(letters, Patience(self._stop))
        deliveries.confirm(Patience(self._stop))
        deliveries.close()
        publish(self, [record for record in outbox if "dead-letters" not in record.topic], offsets, group, *more)

    Publisher.publish = wrong  # type: ignore[method-assign]


def dropped_on_a_full_queue() -> None:
    """What the client's queue does not take is left out."""
    produce = Deliveries.produce

    def wrong(self: Deliveries, outbox: Sequence[OutboxRecord], patience: Patience) -> None:
        produce(self, [], patience)
        for topic, key, value, partition, headers in outbox:
            try:
                self.producer.produce(topic, value, key, partition, headers=headers or [])  # type: ignore[arg-type]
            except BufferError:
                continue
        self.producer.poll(0)

    Deliveries.produce = wrong  # type: ignore[method-assign]


def producer_reused() -> None:
    """A lost connection is nothing to renew a producer for."""
    Deliveries.disturbed = property(lambda _self: False, lambda _self, _value: None)  # type: ignore[assignment]


def generation_ignored() -> None:
    """Offsets without word of the member that commits them, as before KIP-447."""
    init = Reader.__init__

    def remembering(self: Reader, client_config: Mapping[str, Any], **properties: Any) -> None:
        init(self, client_config, **properties)
        self._nobody = Consumer({**client_config, "group.id": properties["group"]})  # type: ignore[attr-defined]

    Reader.__init__ = remembering  # type: ignore[method-assign]
    Reader.group_metadata = lambda self: self._nobody.consumer_group_metadata()  # type: ignore[method-assign,attr-defined]


def offsets_before_answers() -> None:
    """With at_least_once: the offsets are committed, and then the answers are published."""

    def wrong(
        self: AtLeastOncePublisher, outbox: Sequence[OutboxRecord], offsets: Offsets, group: Any, *more: Any
    ) -> None:
        self._books.publish([record for record in outbox if record.topic in self._book_topics], offsets, group)
        answers = [record for record in outbox if record.topic not in self._book_topics]
        if self._answers is not None and answers:
            patience = Patience(self._stop)
            self._reach("after_answers")  # where they should have been published by now
            self._answers.produce(answers, patience)
            self._answers.confirm(patience)

    AtLeastOncePublisher.publish = wrong  # type: ignore[method-assign]
