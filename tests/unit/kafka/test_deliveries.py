"""What a producer tells of records that it did not get through."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.kafka.deliveries import MAX_MESSAGE_BYTES, Deliveries
from streams.kafka.errors import is_refusal
from streams.kafka.patience import Patience
from streams.records import OutboxRecord
from tests.waiting import until


def test_a_record_that_the_client_refuses_is_named_though_an_abort_drops_the_others() -> None:
    deliveries = Deliveries({"bootstrap.servers": "127.0.0.1:1"})
    outbox = [OutboxRecord("small", None, b"x"), OutboxRecord("big", None, b"x" * (MAX_MESSAGE_BYTES + 1))]
    with pytest.raises(KafkaException):
        deliveries.produce(outbox, Patience(lambda: False, 1))
    deliveries.close()
    assert is_refusal(deliveries.failed)
    assert deliveries.failed is not None and deliveries.failed.code() == KafkaError.MSG_SIZE_TOO_LARGE
    assert deliveries.failed_topic == "big"


def test_a_closed_producer_leaves_no_thread_behind_though_no_garbage_is_collected() -> None:
    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    gc.collect()
    gc.disable()
    try:
        before = threads()
        deliveries = Deliveries({"bootstrap.servers": "127.0.0.1:1"})
        assert threads() > before
        deliveries.close()
        until(lambda: threads() <= before, "librdkafka's threads are gone", 10)
    finally:
        gc.enable()
