"""What a reader makes of the chunks that the client gives it."""

from __future__ import annotations

from confluent_kafka import KafkaError, Message

from streams.kafka.reader import Reader


class Chunks:
    """A consumer that gives these messages, chunk by chunk."""

    def __init__(self, *chunks: list[Message]) -> None:
        self._chunks = list(chunks)

    def consume(self, count: int, timeout_s: float) -> list[Message]:
        return self._chunks.pop(0) if self._chunks else []


def reader_of(*chunks: list[Message]) -> Reader:
    def unexpected(*arguments: object) -> None:
        raise AssertionError(arguments)

    reader = Reader(
        {"bootstrap.servers": "127.0.0.1:1"},
        topic="t",
        group="g",
        instance="i",
        session_timeout_ms=10_000,
        max_bytes=1_000_000,
        linger_s=0.0,
        on_assign=unexpected,
        on_revoke=lambda: None,
        on_error=unexpected,
        on_trouble=lambda _error: None,
    )
    reader.close()
    reader._consumer = Chunks(*chunks)
    return reader


def record(partition: int, offset: int) -> Message:
    return Message(topic="t", partition=partition, offset=offset, value=b"v", key=None)


def end(partition: int) -> Message:
    return Message(topic="t", partition=partition, offset=9, error=KafkaError(KafkaError._PARTITION_EOF))


def test_ends_of_partitions_are_noted_and_are_no_records():
    chunks = [[record(0, 0)], [end(1), record(0, 1), end(0), record(2, 0)], [end(2)], [record(1, 5)]]
    reader = reader_of(*chunks)
    assert [(m.partition(), m.offset()) for m in reader.gather(0.0, 10)] == [(0, 0), (0, 1), (2, 0)]
    assert reader.at_end == {0, 1, 2}
    assert [(m.partition(), m.offset()) for m in reader.gather(0.0, 1)] == [(1, 5)]
    assert reader.at_end == {0, 2}
