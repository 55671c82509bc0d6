"""A producer of plain events, outside any transaction: what the demo's source of events is to the service."""

from __future__ import annotations

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import ClusterMetadata

from streams.kafka.client import BrokerUnreachable, ClientConfig, TopicMissing

DELIVERY_TIMEOUT_S = 10.0


class EventProducer:
    """Sends to one topic, the partition by the key. Idempotent: no repeats, and order per partition. For one thread.

    `delivered` and `failed` count what the broker said; a record of neither is still on its way.
    """

    def __init__(self, client_config: ClientConfig, topic: str, *, linger_ms: float = 2) -> None:
        self.topic = topic
        self.delivered = self.failed = 0
        self.why_failed = ""
        self._servers = str(client_config.get("bootstrap.servers"))
        self._producer = Producer(
            {
                "log_level": 2,
                **client_config,
                "enable.idempotence": True,
                "linger.ms": linger_ms,
                "delivery.timeout.ms": int(DELIVERY_TIMEOUT_S * 1000),
                "queue.buffering.max.messages": 100_000,
                "on_delivery": self._note_delivery,
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._producer.purge(in_queue=True, in_flight=True, blocking=False)
        self._producer.poll(0)

    def connect(self, timeout_s: float = 10.0) -> None:
        """Reach the broker now, so that the first record does not wait for it. Raises BrokerUnreachable."""
        self._metadata(self.topic, timeout_s)

    def require_topic(self, timeout_s: float = 10.0) -> None:
        """Raises BrokerUnreachable, and TopicMissing rather than have a broker make the topic in a form of its own."""
        found = self._metadata(None, timeout_s).topics.get(self.topic)
        if found is None or found.error is not None:
            raise TopicMissing(self.topic)

    def send(self, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Queue records (key, value); waits while the queue is full."""
        for key, value in records:
            while True:
                try:
                    self._producer.produce(self.topic, value, key)
                    break
                except BufferError:
                    self._producer.poll(0.01)
        self._producer.poll(0)

    def flush(self) -> int:
        """Wait until the broker has answered for everything, or gave up on it; the records that nobody knows about."""
        deadline = time.monotonic() + DELIVERY_TIMEOUT_S + 1
        while (left := self._producer.flush(0.2)) and time.monotonic() < deadline:
            pass
        return left

    def _metadata(self, topic: str | None, timeout_s: float) -> ClusterMetadata:
        try:
            metadata: ClusterMetadata = self._producer.list_topics(topic, timeout_s)
        except KafkaException as error:
            raise BrokerUnreachable(self._servers, timeout_s, error.args[0].str()) from error
        return metadata

    def _note_delivery(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.delivered += 1
        else:
            self.failed += 1
            self.why_failed = error.str()
