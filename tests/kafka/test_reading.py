"""Reading topics to their end and measuring groups, on a real broker."""

from __future__ import annotations

import itertools
import socket

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from streams.kafka.client import BrokerUnreachable, ClientConfig, TopicMissing, client_config
from streams.kafka.groups import group_progress
from streams.kafka.reading import TopicReader, read_topic
from streams.settings import KafkaSettings
from tests.kafka.topics import Topics
from tests.waiting import until

KEPT = {"retention.ms": "-1"}
"""The times of these records are of 1970, and a broker looks for what is too old half a minute after its start."""


def config_of(topics: Topics) -> ClientConfig:
    return client_config(KafkaSettings(bootstrap_servers=topics.bootstrap_servers))


class Writer:
    """Writes transactions to the topics of a test, each readable when `publish` returns."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._producer = Producer({**config_of(topics), "transactional.id": topics.name("writer")})
        self._producer.init_transactions(30)

    def publish(self, topic: str, partition: int, values: list[str], *, commit: bool = True) -> None:
        delivered: list[int] = []
        self._producer.begin_transaction()
        for value in values:
            self._producer.produce(
                topic,
                value,
                key="k",
                partition=partition,
                headers={"h": b"1"},
                timestamp=1_000 + int(value),
                on_delivery=lambda _, message: delivered.append(message.offset()),
            )
        self._producer.flush(30)
        self._producer.commit_transaction(30) if commit else self._producer.abort_transaction(30)
        # A broker confirms the end of a transaction before its marker makes the records readable.
        until(
            lambda: self._topics.committed_end(topic, partition) > max(delivered),
            f"a marker in {topic} {partition}",
            30,
        )


@pytest.fixture
def writer(topics: Topics) -> Writer:
    return Writer(topics)


def test_only_committed_records_arrive_in_order_and_reading_ends(topics: Topics, writer: Writer) -> None:
    topic = topics.create("read", 3, KEPT)
    writer.publish(topic, 0, ["1", "2"])
    writer.publish(topic, 0, ["3"], commit=False)
    writer.publish(topic, 1, ["4"])
    writer.publish(topic, 0, ["5"])

    records = list(read_topic(config_of(topics), topic))

    by_partition = {p: [r.value for r in records if r.partition == p] for p in range(3)}
    assert by_partition == {0: [b"1", b"2", b"5"], 1: [b"4"], 2: []}
    first = next(record for record in records if record.value == b"1")
    assert first == (topic, 0, 0, b"k", b"1", 1001, [("h", b"1")])


def test_reading_starts_where_it_is_told(topics: Topics, writer: Writer) -> None:
    topic = topics.create("start", 2, KEPT)
    writer.publish(topic, 0, ["1", "2", "3"])
    writer.publish(topic, 1, ["4"])
    config = config_of(topics)

    assert [r.value for r in read_topic(config, topic, offsets={0: 2})] == [b"3"]
    assert sorted(r.value or b"" for r in read_topic(config, topic, since_ms=1_003)) == [b"3", b"4"]
    assert list(read_topic(config, topic, since_ms=9_000)) == []


def test_following_goes_on_where_the_end_was(topics: Topics, writer: Writer) -> None:
    topic = topics.create("follow", 2, KEPT)
    writer.publish(topic, 0, ["1"])
    with TopicReader(config_of(topics), topic) as reader:
        writer.publish(topic, 0, ["2"])
        assert [r.value for r in reader.to_end()] == [b"1"], "the end is the one on entry"
        writer.publish(topic, 1, ["3"])
        followed = list(itertools.islice(reader.follow(lambda: False), 2))
    assert sorted(r.value or b"" for r in followed) == [b"2", b"3"]


def test_a_group_that_has_read_everything_has_no_lag_though_markers_follow(topics: Topics, writer: Writer) -> None:
    topic, group = topics.create("lag", 2, KEPT), topics.name("group")
    writer.publish(topic, 0, ["1", "2", "3"])
    consumer = Consumer({**config_of(topics), "group.id": group, "enable.auto.commit": False})
    try:
        consumer.commit(offsets=[TopicPartition(topic, 0, 2)], asynchronous=False)
        behind = group_progress(config_of(topics), group, topic)
        consumer.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
        done = group_progress(config_of(topics), group, topic)
    finally:
        consumer.close()

    assert [(p.partition, p.committed, p.end, p.lag) for p in behind.partitions] == [(0, 2, 4, 1), (1, None, 0, 0)]
    assert (done.partitions[0].end, done.lag) == (4, 0)
    assert (done.state, done.members) == ("empty", 0)


def test_a_missing_topic_is_named(topics: Topics) -> None:
    with pytest.raises(TopicMissing) as raised:
        list(read_topic(config_of(topics), topics.name("nowhere")))
    assert raised.value.topic == topics.name("nowhere")


def test_a_broker_that_is_not_there_is_named() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refused at once, and nobody else can take it
        address = f"127.0.0.1:{held.getsockname()[1]}"
        config = client_config(KafkaSettings(bootstrap_servers=address))
        with pytest.raises(BrokerUnreachable, match=address), TopicReader(config, "events", timeout_s=0.5):
            pass


def test_what_was_committed_behind_a_transaction_that_is_open_is_waited_for(topics: Topics, writer: Writer) -> None:
    """Committed records cannot be read while an older transaction is open; who must not miss them waits for that."""
    topic = topics.create("read")
    older = Producer({**config_of(topics), "transactional.id": topics.name("older")})
    older.init_transactions(30)
    older.begin_transaction()
    older.produce(topic, b"open", partition=0)
    assert older.flush(30) == 0
    ends: list[int] = []
    newer = Producer({**config_of(topics), "transactional.id": topics.name("newer")})
    newer.init_transactions(30)
    newer.begin_transaction()
    newer.produce(topic, b"1", partition=0, on_delivery=lambda _, message: ends.append(message.offset()))
    assert newer.flush(30) == 0
    newer.commit_transaction(30)

    assert list(read_topic(config_of(topics), topic)) == []
    with TopicReader(config_of(topics), topic, await_open=True) as reader:
        assert reader.spans[0][1] > ends[0]
        older.abort_transaction(30)
        assert [record.value for record in reader.to_end(since_last=True)] == [b"1"]


def test_reading_between_two_times_takes_the_partitions_that_are_named(topics: Topics, writer: Writer) -> None:
    topic = topics.create("read", 3, KEPT)
    for partition in range(3):
        writer.publish(topic, partition, ["1", "2", "3", "4"])
    with TopicReader(config_of(topics), topic, partitions=[0, 2], since_ms=1_002, until_ms=1_004) as reader:
        assert {p: end - start for p, (start, end) in reader.spans.items()} == {0: 2, 2: 2}
        assert set(reader.lows) == {0, 1, 2}
        found = [(record.partition, record.value) for record in reader.to_end()]
    assert sorted(found) == [(0, b"2"), (0, b"3"), (2, b"2"), (2, b"3")]
