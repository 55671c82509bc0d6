"""Figures that do not get to Kafka."""

from __future__ import annotations

from streams.kafka.figures import MOST_WAITING, FiguresProducer


def test_what_is_dropped_is_counted() -> None:
    dropped: list[None] = []
    producer = FiguresProducer({"bootstrap.servers": "127.0.0.1:1"}, "figures", lambda: dropped.append(None))
    for _ in range(MOST_WAITING + 3):
        producer.send("process", b"{}")
    producer.close(0.0)
    assert len(dropped) == 3
