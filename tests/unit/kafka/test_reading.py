"""What a reader keeps while other partitions are written to, and how long it waits for those that it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from streams.kafka import reading
from streams.kafka.reading import ReadTimeout, TopicReader


class Message:
    def __init__(self, partition: int, offset: int) -> None:
        self._partition, self._offset = partition, offset

    def topic(self) -> str:
        return "dead-letters"

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def key(self) -> None: ...

    def value(self) -> bytes:
        return b"v"

    def headers(self) -> None: ...

    def timestamp(self) -> tuple[int, int]:
        return (1, 0)

    def error(self) -> None: ...


class Client:
    """A partition for each of `ends`, with so many records at first. 1 gets more for ever; `is_stuck`: 0 says nothing,
    and of 1 so much was fetched that no pause stops it."""

    def __init__(self, ends: Sequence[int], *, is_stuck: bool = False) -> None:
        self._ends, self._is_stuck = ends, is_stuck
        self.positions: dict[int, int] = {}
        self.paused: set[int] = set()

    def list_topics(self, topic: str, _timeout_s: float) -> Any:
        described = SimpleNamespace(error=None, partitions=dict(enumerate(self._ends)))
        return SimpleNamespace(topics={topic: described})

    def get_watermark_offsets(self, asked: TopicPartition, _timeout_s: float) -> tuple[int, int]:
        return 0, self._ends[asked.partition]

    def assign(self, wanted: Sequence[TopicPartition]) -> None:
        self.positions = {each.partition: each.offset for each in wanted}

    def pause(self, wanted: Sequence[TopicPartition]) -> None:
        self.paused |= {each.partition for each in wanted}

    def resume(self, wanted: Sequence[TopicPartition]) -> None:
        self.paused -= {each.partition for each in wanted}

    def consume(self, count: int, _timeout_s: float) -> list[Message]:
        found = []
        if 0 in self.positions and 0 not in self.paused and not self._is_stuck:
            found += self._next(0, 1)
        if 1 in self.positions and (1 not in self.paused or self._is_stuck):
            found += self._next(1, count - 1)
        return found

    def _next(self, partition: int, count: int) -> list[Message]:
        first = self.positions[partition]
        self.positions[partition] += count
        return [Message(partition, offset) for offset in range(first, first + count)]

    def close(self) -> None: ...


def reader(client: Client, monkeypatch: pytest.MonkeyPatch) -> TopicReader:
    monkeypatch.setattr(reading, "onlooker", lambda *_: client)
    return TopicReader({}, "dead-letters")


@pytest.mark.parametrize("busy", [0, 10])
def test_nothing_is_fetched_that_nobody_asked_for(busy: int, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client([1_000, busy])
    with reader(client, monkeypatch) as opened:
        found = [(record.partition, record.offset) for record in opened.to_end(30, since_last=True)]
        assert found[-1] == (0, 999)
        assert sorted(found) == [(0, n) for n in range(1_000)] + [(1, n) for n in range(busy)]
        assert client.positions.get(1, 0) <= 2 * reading.CHUNK_RECORDS
        # And following misses none of what was left out.
        followed = opened.follow(lambda: False)
        assert [next(followed).offset for _ in range(2)][-1] == busy


def test_records_that_nobody_asked_for_renew_no_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client([5, 3], is_stuck=True)
    with reader(client, monkeypatch) as opened, pytest.raises(ReadTimeout) as raised:
        list(opened.to_end(0.05, since_last=True))
    assert set(raised.value.left) == {0}
