"""The producing side of a lane: one transactional producer, one transaction a batch."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from streams.kafka.errors import CLIENT_ERRORS, OutcomeUnknown, TransactionAborted, is_fenced, kafka_error
from streams.records import OutboxRecord

TRANSACTION_TIMEOUT_S = 10.0
"""After this the broker aborts what a dead worker left open; KIP-447 advises 10 s."""

RETRY_BACKOFF_MS = 5
"""librdkafka's default of 100 ms turns a coordinator that is still writing the last marker into 100 ms of latency."""


MAX_MESSAGE_BYTES = 1_114_124
"""A dead letter is the original record, of Kafka's default limit at most, with 64 KiB of headers."""


class FencedProducer(Exception):
    """A newer producer holds this transactional id, or the broker gave the transaction up. The lane finds out which."""


class Publisher:
    """Publishes outbox and offsets together. Every method raises TransactionAborted, OutcomeUnknown or FencedProducer;
    after any of them, call `renew` before the next transaction."""

    def __init__(
        self,
        client_config: Mapping[str, Any],
        transactional_id: str,
        *,
        reach: Callable[[str], None],
        stop: Callable[[], bool],
        waiting: Callable[[str], None],
    ) -> None:
        """`reach` is told the points of a transaction, `waiting` why the broker does not let one begin."""
        self._config = {
            "log_level": 2,  # what goes wrong is reported by the calls, not printed by the client
            **client_config,
            "transactional.id": transactional_id,
            "transaction.timeout.ms": int(TRANSACTION_TIMEOUT_S * 1000),
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
        }
        self._reach = reach
        self._stop = stop
        self._waiting = waiting
        self._undelivered: KafkaError | None = None
        self._producer: Producer | None = None

    def open(self) -> None:
        """Fence and abort what an earlier holder of this id left open. Waits for the broker; returns early on stop."""
        producer = Producer(self._config)
        while not self._stop():
            try:
                producer.init_transactions(1.0)
            except KafkaException as error:
                cause = kafka_error(error)
                if is_fenced(cause):
                    raise FencedProducer(str(cause)) from error
                if cause is None or not (cause.retriable() or cause.code() == KafkaError._TIMED_OUT):
                    raise
                self._waiting(str(cause))
                continue
            self._producer = producer
            return

    def renew(self) -> None:
        """Drop the producer with all that it may still have in flight; the new one's epoch fences late requests."""
        self.close()
        self.open()

    def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            # Not Producer.close(): that aborts and flushes first, and waits for a broker that may be away.
            deadline = time.monotonic() + 1.0
            with contextlib.suppress(*CLIENT_ERRORS):
                producer.purge(in_queue=True, in_flight=True, blocking=False)
                while len(producer) and time.monotonic() < deadline:
                    producer.poll(0.01)

    def publish(self, outbox: Sequence[OutboxRecord], offsets: Mapping[tuple[str, int], int], group: Any) -> None:
        """One transaction: (1) begin, (2) produce, (3) see every record delivered, (4) add the offsets, (5) commit.

        `offsets` maps (topic, partition) to the next offset to consume; `group` is the consumer's group metadata,
        by which the broker refuses the offsets of a worker that has lost its partitions (KIP-447).
        """
        producer = self._producer
        if producer is None:
            raise TransactionAborted("no producer")
        self._undelivered = None
        try:
            producer.begin_transaction()
            self._produce(producer, outbox)
            self._reach("after_produce")
            self._flush(producer)
        except CLIENT_ERRORS as error:
            self._abort(producer, error)
        try:
            positions = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
            if positions:
                producer.send_offsets_to_transaction(positions, group, TRANSACTION_TIMEOUT_S)
            self._reach("after_offsets")
            self._reach("before_commit")
            self._commit(producer)
        except CLIENT_ERRORS as error:
            cause = kafka_error(error)
            if cause is not None and cause.txn_requires_abort():
                self._abort(producer, error)
            if is_fenced(cause):
                raise FencedProducer(str(cause)) from error
            raise OutcomeUnknown(str(cause)) from error

    def _produce(self, producer: Producer, outbox: Sequence[OutboxRecord]) -> None:
        produce = producer.produce
        for topic, key, value, partition, headers in outbox:
            while True:
                try:
                    if headers is None:
                        produce(topic, value, key, partition)
                    else:
                        produce(
                            topic, value, key, partition, headers=cast("list[tuple[str, str | bytes | None]]", headers)
                        )
                    break
                except BufferError:
                    # The queue is full: let the broker take some of it. Nothing is ever dropped here.
                    producer.poll(0.01)
                    if self._undelivered is not None:
                        raise KafkaException(self._undelivered) from None
        producer.poll(0)

    def _flush(self, producer: Producer) -> None:
        deadline = time.monotonic() + TRANSACTION_TIMEOUT_S
        while (left := producer.flush(0.5)) and self._undelivered is None:
            if time.monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{left} records undelivered"))
        if self._undelivered is not None:
            raise KafkaException(self._undelivered)

    def _commit(self, producer: Producer) -> None:
        deadline = time.monotonic() + TRANSACTION_TIMEOUT_S
        while True:
            try:
                producer.commit_transaction(TRANSACTION_TIMEOUT_S)
                return
            except CLIENT_ERRORS as error:
                cause = kafka_error(error)
                if cause is None or not cause.retriable() or time.monotonic() > deadline:
                    raise

    def _abort(self, producer: Producer, error: Exception) -> None:
        cause = kafka_error(error)
        if is_fenced(cause):
            raise FencedProducer(str(cause)) from error
        try:
            producer.abort_transaction(TRANSACTION_TIMEOUT_S)
        except CLIENT_ERRORS as failed:
            # Never asked to commit, so nothing is visible; but this producer is of no more use.
            raise OutcomeUnknown(f"{cause}; and the abort failed: {kafka_error(failed)}") from failed
        raise TransactionAborted(str(cause)) from error

    def _note_delivery(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None and self._undelivered is None:
            self._undelivered = error
