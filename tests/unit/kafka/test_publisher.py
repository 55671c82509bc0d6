"""What a publisher makes of a transaction that went wrong, by the client's word."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.kafka.bounded import BoundedCalls
from streams.kafka.deliveries import Deliveries
from streams.kafka.errors import FencedProducer, LaneError, OutcomeUnknown, TransactionAborted
from streams.kafka.publisher import Publisher
from streams.records import OutboxRecord
from tests.unit.kafka.broken_client import raise_as_it_is

REFUSED = KafkaError(KafkaError.INVALID_TXN_STATE, "Broker: Producer attempted a transactional operation in an invalid")
FENCED = KafkaError(KafkaError._FENCED, "Local: This instance has been fenced by a newer instance", fatal=True)
AWAY = KafkaError(KafkaError._ALL_BROKERS_DOWN, "3/3 brokers are down")


class Refusing:
    """A producer whose records are refused, and whose abort ends so."""

    def __init__(self, abort: KafkaError | None) -> None:
        self._abort = abort

    def begin_transaction(self) -> None: ...

    def produce(self, *_record: Any) -> None: ...

    def poll(self, _timeout_s: float) -> int:
        return 0

    def flush(self, _timeout_s: float) -> int:
        raise KafkaException(REFUSED)

    def abort_transaction(self, _timeout_s: float) -> None:
        if self._abort is not None:
            raise KafkaException(self._abort)


class Broken:
    """A producer that is fenced in one step and says so as the client should not."""

    def __init__(self, step: str) -> None:
        self._step = step

    def __getattr__(self, step: str) -> Any:
        return lambda *_of: raise_as_it_is(FENCED) if step == self._step else 0


@pytest.mark.parametrize(
    ("abort", "raised"),
    [(FENCED, FencedProducer), (AWAY, OutcomeUnknown), (None, TransactionAborted)],
    ids=["another holder", "broker away", "aborted"],
)
def test_an_abort_that_is_fenced_is_the_word_of_another_holder(
    abort: KafkaError | None, raised: type[LaneError]
) -> None:
    assert type(outcome(Refusing(abort))) is raised


@pytest.mark.parametrize("step", ["poll", "flush", "send_offsets_to_transaction", "commit_transaction"])
def test_a_fencing_that_the_client_raises_as_it_is_is_understood(step: str) -> None:
    assert type(outcome(Broken(step))) is FencedProducer


def outcome(producer: Any) -> LaneError:
    """What a transaction of this producer ends with."""
    publisher = Publisher({}, "id", reach=lambda _point: None, stop=lambda: False, waiting=lambda _error: None)
    deliveries = object.__new__(Deliveries)
    deliveries.disturbed, deliveries.failed, deliveries.failed_topic = False, None, None
    deliveries.producer = producer
    publisher._deliveries, publisher._calls = deliveries, BoundedCalls()
    with pytest.raises(LaneError) as raised:
        publisher.publish([OutboxRecord("t", None, b"v", 0)], {("s", 0): 1}, None)
    publisher._calls.end(lambda: None, 5)
    return raised.value
