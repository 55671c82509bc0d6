"""The publishing side of a lane: one transactional producer, one transaction a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from streams.kafka.backoff import Backoff
from streams.kafka.bounded import BoundedCalls
from streams.kafka.client import LOCAL_TIMEOUTS
from streams.kafka.complaints import outages
from streams.kafka.deliveries import CLOSE_S, Deliveries
from streams.kafka.errors import (
    CLIENT_ERRORS,
    ClientHangs,
    ConnectionLost,
    FencedProducer,
    OutcomeUnknown,
    RecordRefused,
    TransactionAborted,
    is_fenced,
    is_refusal,
    kafka_error,
    without_frames,
)
from streams.kafka.patience import TRANSACTION_TIMEOUT_S, Patience
from streams.kafka.rights import REFUSED
from streams.records import OutboxRecord

PROBE_SHARE = 0.5
"""Longest wait for the broker's word on who holds an id, as a share of a transaction's time-out: past that the broker
ends the probe's own transaction, by an epoch that looks like another holder's."""

MOST_LEFT_BEHIND = 8
"""Producers that hang at the same time; each costs threads, buffers and connections."""


class Publisher:
    """Publishes outbox and offsets together. `publish` raises RecordRefused, TransactionAborted, OutcomeUnknown or
    FencedProducer; after any of them call `renew`. A producer goes on after an abort by librdkafka's word, but records
    of the next transaction were then seen dropped by the abort of the one before."""

    def __init__(
        self,
        client_config: Mapping[str, Any],
        transactional_id: str,
        *,
        reach: Callable[[str], None],
        stop: Callable[[], bool],
        waiting: Callable[[KafkaError], None],
        renews: bool = True,
    ) -> None:
        """`reach` is told the points of a transaction, `waiting` why the broker does not let one begin. Without
        `renews`, `publish` takes the id back from nobody: where only a new producer helps it raises ConnectionLost, for
        who must look at what another holder did meanwhile."""
        self._client_config = client_config
        self._properties: dict[str, Any] = {
            "transactional.id": transactional_id,
            "transaction.timeout.ms": int(TRANSACTION_TIMEOUT_S * 1000),
            "error_cb": outages(client_config, waiting),
        }
        self._reach, self._stop, self._waiting, self._renews = reach, stop, waiting, renews
        self._deliveries: Deliveries | None = None
        self._calls: BoundedCalls | None = None
        self._left_behind: list[BoundedCalls] = []

    def open(self) -> None:
        """Fence and abort what an earlier holder of this id left open. Waits for the broker; returns early on stop.

        Raises FencedProducer, ClientHangs, and KafkaException for what no waiting mends.
        """
        self._left_behind = [behind for behind in self._left_behind if behind.running]
        if len(self._left_behind) > MOST_LEFT_BEHIND:
            raise ClientHangs(len(self._left_behind))
        deliveries = Deliveries(self._client_config, **self._properties)
        backoff = Backoff(self._stop)
        while not self._stop():
            try:
                deliveries.producer.init_transactions(1.0)
            except KafkaException as error:
                cause = kafka_error(error)
                if is_fenced(cause):
                    raise FencedProducer(str(cause)) from error
                refused = cause is not None and cause.code() in REFUSED
                if cause is None or not (refused or cause.retriable() or cause.code() in LOCAL_TIMEOUTS):
                    raise
                self._waiting(cause)
                if refused:
                    backoff.wait()
                    deliveries = Deliveries(self._client_config, **self._properties)  # to the old one it is fatal
                continue
            self._deliveries, self._calls = deliveries, BoundedCalls()
            return

    def renew(self) -> None:
        """Drop the producer with all that it may still have in flight; the new one's epoch fences late requests."""
        self.close()
        self.open()

    def close(self) -> None:
        """Does not wait for a producer that hangs: it is left to its thread."""
        deliveries, calls, self._deliveries, self._calls = self._deliveries, self._calls, None, None
        if deliveries is None or calls is None:
            return
        calls.end(deliveries.close, CLOSE_S)
        self._left_behind.append(calls)

    def publish(
        self,
        outbox: Sequence[OutboxRecord],
        offsets: Mapping[tuple[str, int], int],
        group: Any,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """One transaction: (1) begin, (2) produce, (3) see every record delivered, (4) add the offsets, (5) commit.

        `meanwhile` is called before 3, once the broker has something to do.
        `offsets` maps (topic, partition) to the next offset to consume; `group` is the consumer's group metadata,
        by which the broker refuses the offsets of a worker that has lost its partitions (KIP-447).
        """
        if self._deliveries is not None and self._deliveries.disturbed:
            # A late EndTxn or TxnOffsetCommit would be taken for the next transaction's: only a new epoch fences it.
            if not self._renews:
                raise ConnectionLost("a connection was lost since the last transaction")
            self.renew()
        deliveries, calls = self._deliveries, self._calls
        if deliveries is None or calls is None:
            raise OutcomeUnknown("there is no producer")
        producer, patience = deliveries.producer, Patience(self._stop)
        failure: Exception | None = None
        try:
            producer.begin_transaction()
            deliveries.produce(outbox, patience)
            self._reach("after_produce")
            meanwhile()
            deliveries.confirm(patience)
            self._reach("after_delivery")
        except (*CLIENT_ERRORS, BufferError) as error:
            failure = without_frames(error)
        if failure is not None:
            self._abort(deliveries, failure, patience)
        try:
            positions = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
            if positions:
                _send_offsets(producer, calls, positions, group, patience)
            self._reach("after_offsets")
            self._reach("before_commit")
            self._commit(producer, patience)
            deliveries.serve()  # hear of connections that were lost on the way
        except CLIENT_ERRORS as error:
            failure = without_frames(error)
        if failure is None:
            return
        cause = kafka_error(failure)
        if cause is not None and cause.txn_requires_abort():
            self._abort(deliveries, failure, patience)
        if is_fenced(cause):
            raise FencedProducer(str(cause)) from failure
        raise OutcomeUnknown(str(cause)) from failure

    def is_superseded(self, topic: str, group: Any) -> bool:
        """Whether a newer producer holds this id. Asked by a transaction with an offset of `topic` that is given up;
        call `renew` before the next one. False also where the broker does not say."""
        deliveries, calls = self._deliveries, self._calls
        if deliveries is None or calls is None:
            return False
        producer, patience = deliveries.producer, Patience(self._stop, PROBE_SHARE * TRANSACTION_TIMEOUT_S)
        try:
            producer.begin_transaction()
            _send_offsets(producer, calls, [TopicPartition(topic, 0, 0)], group, patience)
        except CLIENT_ERRORS as error:
            cause = kafka_error(error)
            # The group refuses the offset too, of a member that is fenced there; that is no answer.
            if is_fenced(cause) and cause is not None and cause.code() != KafkaError.FENCED_INSTANCE_ID:
                return True
        except OutcomeUnknown:
            return False
        try:
            patience.insist(producer.abort_transaction)
        except CLIENT_ERRORS as error:
            return is_fenced(kafka_error(error))
        return False

    def _commit(self, producer: Any, patience: Patience) -> None:
        patience.insist(producer.commit_transaction)

    def _abort(self, deliveries: Deliveries, error: Exception, patience: Patience) -> NoReturn:
        cause = kafka_error(error)
        if is_fenced(cause):
            raise FencedProducer(str(cause)) from error
        try:
            patience.insist(deliveries.producer.abort_transaction)
        except CLIENT_ERRORS as failed:
            # Whatever went wrong before: to take the slot back from a newer holder would be worse.
            if is_fenced(kafka_error(failed)):
                raise FencedProducer(str(kafka_error(failed))) from error
            # Never asked to commit, so nothing is visible; but this producer is of no more use.
            raise OutcomeUnknown(f"{cause or error}; and the abort failed: {kafka_error(failed)}") from error
        cause = deliveries.failed or cause
        if deliveries.failed_topic is not None and is_refusal(cause):
            raise RecordRefused(deliveries.failed_topic, str(cause)) from error
        raise TransactionAborted(str(cause or error)) from error


def _send_offsets(
    producer: Producer, calls: BoundedCalls, offsets: list[TopicPartition], group: Any, patience: Patience
) -> None:
    calls.call(lambda: patience.insist(lambda s: producer.send_offsets_to_transaction(offsets, group, s)), patience)
