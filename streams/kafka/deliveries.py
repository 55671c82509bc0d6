"""Producing records and seeing every one of them delivered."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.kafka.errors import CLIENT_ERRORS, DROPPED, called, kafka_error
from streams.kafka.patience import SLICE_S, Patience
from streams.records import OutboxRecord

MAX_MESSAGE_BYTES = 1_114_124
"""A dead letter is the original record, of Kafka's default limit at most, with 64 KiB of headers."""

RETRY_BACKOFF_MS = 5
"""librdkafka's default of 100 ms turns a coordinator that is still writing the last marker into 100 ms of latency."""

CLOSE_S = 1.0
"""Longest wait for a client that is dropped."""


log = logging.getLogger("streams.kafka.client")


class Deliveries:
    """One idempotent librdkafka producer, for one thread. `failed` is the first error of a delivery since `produce`
    began, and `failed_topic` where the record was meant to go. `disturbed`: a connection was lost, so a request may
    still be on its way that the client gave up or has sent again."""

    def __init__(self, client_config: Mapping[str, Any], **properties: Any) -> None:
        self.failed: KafkaError | None = None
        self.failed_topic: str | None = None
        self.disturbed = False
        self._asked_for = bool(client_config.keys() & {"debug", "log_level"})
        self.producer = Producer(
            {
                **client_config,
                "log_level": max(6, int(client_config.get("log_level", 6))),  # to be told of lost connections
                "enable.idempotence": True,
                "retry.backoff.ms": RETRY_BACKOFF_MS,
                "message.max.bytes": MAX_MESSAGE_BYTES,
                "linger.ms": 5,
                "compression.type": "lz4",
                "batch.num.messages": 10_000,
                "queue.buffering.max.messages": 100_000,
                "queue.buffering.max.kbytes": 65_536,
                "delivery.report.only.error": True,
                "on_delivery": self._note_delivery,
                **properties,
            },
            logger=self,
        )

    def produce(self, outbox: Sequence[OutboxRecord], patience: Patience) -> None:
        """Hand the records to the client. Raises KafkaException, BufferError once patience is over."""
        self.failed = self.failed_topic = None
        producer = self.producer
        produce = producer.produce
        topic: str | None = None
        try:
            for topic, key, value, partition, headers in outbox:  # the last one names the culprit
                while True:
                    try:
                        if headers is None:
                            produce(topic, value, key, partition)
                        else:
                            produce(
                                topic,
                                value,
                                key,
                                partition,
                                headers=cast("list[tuple[str, str | bytes | None]]", headers),
                            )
                        break
                    except BufferError:
                        # The queue is full: let the broker take some of it. Nothing is ever dropped here.
                        called(lambda: producer.poll(0.01))
                        self._raise_failed()
                        if patience.over():
                            raise
        except KafkaException as error:
            # Before an abort reports all that was queued as dropped.
            self.failed = self.failed or kafka_error(error)
            self.failed_topic = self.failed_topic or topic
            raise
        self.serve()

    def confirm(self, patience: Patience) -> None:
        """Wait until the broker has every record. Raises KafkaException for the first that it does not get or take."""
        while left := called(lambda: self.producer.flush(SLICE_S)):
            self._raise_failed()
            if patience.over():
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{left} records undelivered"))
        self._raise_failed()

    def serve(self) -> None:
        """Hear what the client has to say by now. Raises KafkaException."""
        called(lambda: self.producer.poll(0))

    def close(self) -> None:
        """Drop the producer, its connections and threads included, with all that it may still have in flight."""
        # Not Producer.close(): that aborts and flushes first, and waits for a broker that may be away.
        deadline, producer = time.monotonic() + CLOSE_S, self.producer
        # It holds our methods, and the collector that would find the circle may not run for long.
        del self.producer
        with contextlib.suppress(*CLIENT_ERRORS):
            producer.purge(in_queue=True, in_flight=True, blocking=False)
            while len(producer) and time.monotonic() < deadline:
                producer.poll(0.01)

    def _raise_failed(self) -> None:
        if self.failed is not None:
            raise KafkaException(self.failed)

    def log(self, level: int, format_: str, *words: str) -> None:
        """What the client logs comes here, on this thread; it says nowhere else that a single connection was lost."""
        # One that was up, not one that could not be made: that one carried no request.
        if words and "in state UP" in str(words[-1]):
            self.disturbed = True
        if self._asked_for:
            log.log(level, format_, *words)

    def _note_delivery(self, error: KafkaError | None, message: Message) -> None:
        # One failure makes the client drop all else, and which of them is reported first is chance.
        if error is not None and (self.failed is None or self.failed.code() in DROPPED):
            self.failed, self.failed_topic = error, message.topic()
