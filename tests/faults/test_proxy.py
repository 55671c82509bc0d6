"""The proxy does to real clients of a real broker what it says, and to nobody else."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from streams.kafka.reading import read_topic
from tests.faults.holding import END_TXN, PRODUCE, TXN_OFFSET_COMMIT
from tests.faults.proxy import BOTH, Proxies
from tests.faults.stage import Stage
from tests.kafka.topics import Topics
from tests.waiting import until


@pytest.fixture
def proxies(stage: Stage) -> Iterator[Proxies]:
    yield stage.proxies
    stage.proxies.clear()


@pytest.fixture
def topic(stage: Stage) -> Iterator[str]:
    topics = Topics(stage.kafka.bootstrap_servers)
    yield topics.create("t")
    topics.close()


def producer(proxies: Proxies, **config: object) -> Producer:
    return Producer({"bootstrap.servers": proxies.bootstrap_servers, "log_level": 0, "linger.ms": 0, **config})


def transactional(proxies: Proxies, name: str, timeout_s: float = 60) -> Producer:
    made = producer(proxies, **{"transactional.id": name, "transaction.timeout.ms": int(timeout_s * 1000)})
    made.init_transactions(30)
    return made


def values(stage: Stage, topic: str) -> list[bytes | None]:
    return [record.value for record in read_topic({"bootstrap.servers": stage.kafka.bootstrap_servers}, topic)]


def test_what_goes_through_arrives_whole(stage: Stage, proxies: Proxies, topic: str) -> None:
    through = producer(proxies)
    sent = [bytes([n % 251]) * n * 7 for n in range(500)]
    for value in sent:
        through.produce(topic, value)
    assert through.flush(30) == 0
    assert values(stage, topic) == sent
    assert proxies.paths[0].connections > 0


def test_latency_is_added_both_ways(proxies: Proxies, topic: str) -> None:
    through = producer(proxies)
    through.produce(topic, b"connected")
    assert through.flush(30) == 0
    proxies.paths[0].latency_s = 0.3
    began = time.monotonic()
    through.produce(topic, b"late")
    assert through.flush(30) == 0
    assert time.monotonic() - began >= 0.6
    assert proxies.paths[0].bytes_delayed > 0


def test_a_throttle_is_the_rate_of_all(proxies: Proxies, topic: str) -> None:
    through = producer(proxies)
    through.produce(topic, b"connected")
    assert through.flush(30) == 0
    proxies.paths[0].bytes_per_s = 100_000
    began = time.monotonic()
    through.produce(topic, b"x" * 50_000)
    assert through.flush(30) == 0
    assert time.monotonic() - began >= 0.5


def test_a_black_hole_gives_back_what_it_swallowed(stage: Stage, proxies: Proxies, topic: str) -> None:
    through = producer(proxies)
    through.produce(topic, b"before")
    assert through.flush(30) == 0
    proxies.paths[0].hole = BOTH
    through.produce(topic, b"in")
    until(lambda: proxies.paths[0].bytes_swallowed > 0, "bytes are swallowed", 10)
    assert through.flush(0.5) == 1
    assert values(stage, topic) == [b"before"]
    proxies.clear()
    assert through.flush(30) == 0
    assert values(stage, topic) == [b"before", b"in"]


def test_a_hole_of_answers_lets_requests_through(stage: Stage, proxies: Proxies, topic: str) -> None:
    through = producer(proxies)
    through.produce(topic, b"before")
    assert through.flush(30) == 0
    proxies.paths[0].hole = frozenset({"down"})
    through.produce(topic, b"in")
    assert through.flush(0.5) == 1
    until(lambda: values(stage, topic) == [b"before", b"in"], "the request went through", 10)
    proxies.clear()
    assert through.flush(30) == 0


def test_a_reset_is_seen_by_the_client(stage: Stage, proxies: Proxies, topic: str) -> None:
    errors: list[KafkaError] = []
    through = producer(proxies, error_cb=errors.append)
    through.produce(topic, b"before")
    assert through.flush(30) == 0
    assert proxies.reset() > 0
    assert proxies.paths[0].resets > 0

    def noticed() -> bool:
        through.poll(0.05)
        return bool(errors)

    until(noticed, "the client says that its connection went", 30)
    through.produce(topic, b"after")
    assert through.flush(30) == 0
    assert values(stage, topic) == [b"before", b"after"]


def test_a_held_request_arrives_after_its_client_has_gone(stage: Stage, proxies: Proxies, topic: str) -> None:
    through = producer(proxies)
    through.produce(topic, b"before")
    assert through.flush(30) == 0
    hold = proxies.hold(PRODUCE)
    through.produce(topic, b"held")
    until(lambda: hold.held == 1, "the request is held", 10)
    through.purge()
    through.flush(1)
    del through
    until(lambda: hold.abandoned == 1, "the client has gone", 30)
    assert values(stage, topic) == [b"before"]
    hold.release()
    until(lambda: values(stage, topic) == [b"before", b"held"], "the request arrived all the same", 10)


def test_a_late_commit_of_a_producer_that_was_replaced_is_refused(stage: Stage, proxies: Proxies, topic: str) -> None:
    old = transactional(proxies, topic)
    old.begin_transaction()
    old.produce(topic, b"old")
    assert old.flush(30) == 0
    hold = proxies.hold(END_TXN)
    with pytest.raises(KafkaException):
        old.commit_transaction(1.0)
    assert hold.held == 1
    del old
    until(lambda: hold.abandoned == 1, "the client has gone", 30)
    new = transactional(proxies, topic)
    new.begin_transaction()
    new.produce(topic, b"new")
    assert new.flush(30) == 0
    hold.release()
    until(lambda: len(hold.late) == 1, "the late commit is answered", 10)
    key, code = hold.late[0]
    assert key == END_TXN
    assert code in {KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED}
    assert values(stage, topic) == []
    new.commit_transaction(30)
    assert values(stage, topic) == [b"new"]


def test_offsets_of_a_transaction_can_be_held(stage: Stage, proxies: Proxies, topic: str) -> None:
    group = Consumer({"bootstrap.servers": stage.kafka.bootstrap_servers, "group.id": topic})
    # librdkafka gives a request up 100 ms before the transaction's time-out, whatever the call's own is.
    through = transactional(proxies, topic, timeout_s=3)
    through.begin_transaction()
    hold = proxies.hold(TXN_OFFSET_COMMIT, times=100)
    with pytest.raises(KafkaException):
        through.send_offsets_to_transaction([TopicPartition(topic, 0, 1)], group.consumer_group_metadata(), 1.0)
    assert hold.held > 0
    assert group.committed([TopicPartition(topic, 0)], 10)[0].offset < 0
    hold.release()
    group.close()
