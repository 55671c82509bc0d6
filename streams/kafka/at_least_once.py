"""`kafka.delivery = at_least_once`: answers outside a transaction, our own books in one.

Answers are seen delivered before the offsets of their events are committed, so none is lost; what was published before
a failure is published again with the same id. Observations, snapshots and offsets stay in one transaction, so drift
counts every event once in this mode too (docs/adr/0007-at-least-once.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError

from streams.kafka.deliveries import Deliveries
from streams.kafka.errors import CLIENT_ERRORS, OutcomeUnknown, RecordRefused, is_refusal, kafka_error
from streams.kafka.patience import Patience
from streams.kafka.publisher import Publisher
from streams.records import OutboxRecord


class AtLeastOncePublisher:
    """As streams.kafka.publisher.Publisher; records for the topics `books` are published with the offsets."""

    def __init__(
        self,
        client_config: Mapping[str, Any],
        transactional_id: str,
        *,
        books: frozenset[str],
        reach: Callable[[str], None],
        stop: Callable[[], bool],
        waiting: Callable[[KafkaError], None],
    ) -> None:
        self._client_config, self._book_topics = client_config, books
        self._reach, self._stop = reach, stop
        self._books = Publisher(client_config, transactional_id, reach=reach, stop=stop, waiting=waiting)
        self._answers: Deliveries | None = None

    def open(self) -> None:
        """Waits for the broker; returns early on stop."""
        self._books.open()
        self._answers = Deliveries(self._client_config)

    def renew(self) -> None:
        self.close()
        self.open()

    def close(self) -> None:
        answers, self._answers = self._answers, None
        if answers is not None:
            answers.close()
        self._books.close()

    def publish(
        self,
        outbox: Sequence[OutboxRecord],
        offsets: Mapping[tuple[str, int], int],
        group: Any,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """(1) Produce the answers, (2) see them delivered, (3) the books and the offsets in one transaction.

        `meanwhile` is called before 2, once the broker has something to do."""
        books = [record for record in outbox if record.topic in self._book_topics]
        if len(books) < len(outbox):
            self._answer([record for record in outbox if record.topic not in self._book_topics], meanwhile)
            self._books.publish(books, offsets, group)
        else:
            self._books.publish(books, offsets, group, meanwhile)

    def is_superseded(self, topic: str, group: Any) -> bool:
        return self._books.is_superseded(topic, group)

    def _answer(self, answers: Sequence[OutboxRecord], meanwhile: Callable[[], None]) -> None:
        if self._answers is None:
            raise OutcomeUnknown("there is no producer")
        patience = Patience(self._stop)
        try:
            self._answers.produce(answers, patience)
            self._reach("after_answers")
            meanwhile()
            self._answers.confirm(patience)
        except (*CLIENT_ERRORS, BufferError) as error:
            cause, refused_by = self._answers.failed or kafka_error(error), self._answers.failed_topic
            if refused_by is not None and is_refusal(cause):
                raise RecordRefused(refused_by, str(cause)) from error
            raise OutcomeUnknown(f"answers are not all delivered: {cause or error}") from error
