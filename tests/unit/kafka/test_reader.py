"""What a reader makes of the chunks that the client gives it."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, Message

from streams.kafka import reader as reader_module
from streams.kafka.reader import Reader


class Chunks:
    """A consumer that gives these messages, chunk by chunk."""

    def __init__(self, *chunks: list[Message]) -> None:
        self._chunks = list(chunks)

    def consume(self, count: int, timeout_s: float) -> list[Message]:
        return self._chunks.pop(0) if self._chunks else []


def new_reader(**properties: Any) -> Reader:
    def unexpected(*arguments: object) -> None:
        raise AssertionError(arguments)

    return Reader(
        {"bootstrap.servers": "127.0.0.1:1", **properties},
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


def reader_of(*chunks: list[Message]) -> Reader:
    reader = new_reader()
    reader.close()
    reader._consumer = Chunks(*chunks)
    return reader


def test_an_operator_sets_how_much_is_read_ahead(monkeypatch: pytest.MonkeyPatch):
    name = "queued.max.messages.kbytes"
    given: list[dict[str, Any]] = []
    monkeypatch.setattr(reader_module, "Consumer", given.append)
    new_reader()
    assert name in given[0], "it has a value of its own"
    new_reader(**{name: 4321})
    assert given[-1][name] == 4321


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
