"""The newest records of a topic, without a group and without reading all of it."""

from __future__ import annotations

import time
from collections.abc import Mapping

from streams.kafka.client import ClientConfig
from streams.kafka.following import Follower
from streams.kafka.positions import Position
from streams.kafka.reading import Record, TopicReader

MOST_RECORDS = 200
MOST_BYTES = 32 << 20
PATIENCE_S = 5.0


def newest_records(
    client_config: ClientConfig, topic: str, positions: Mapping[int, Position], each: int = 10
) -> list[Record]:
    """The last records of each partition, `each` at most; bounded in all. Raises BrokerUnreachable, TopicMissing,
    NotAllowed."""
    starts = {partition: max(at.low, at.end - each) for partition, at in positions.items() if at.end > at.low}
    if not starts:
        return []
    found: list[Record] = []
    size = 0
    deadline = time.monotonic() + PATIENCE_S
    with TopicReader(client_config, topic, offsets=starts) as reader:
        for record in reader.to_end():
            found.append(record)
            size += len(record.value or b"")
            if len(found) >= MOST_RECORDS or size > MOST_BYTES or time.monotonic() > deadline:
                break
    return found


def last_append(client_config: ClientConfig, topic: str, since_ms: int, wait_s: float) -> tuple[int, int | None] | None:
    """The broker's time of the newest record (ms), and where it came while we looked, the time here. None: there is
    none. For a topic with LogAppendTime. Raises BrokerUnreachable, TopicMissing, KafkaException."""
    newest: int | None = None
    caught_up = False
    deadline = time.monotonic() + PATIENCE_S
    with Follower(client_config, [topic], {topic: since_ms}) as follower:
        while time.monotonic() < deadline:
            records = follower.read(0.2)
            here_ms = time.time_ns() // 1_000_000
            if records:
                newest = max(newest or 0, records[-1].timestamp)
                if caught_up:
                    return newest, here_ms
            if not caught_up and follower.at_end():
                caught_up, deadline = True, time.monotonic() + wait_s
    return None if newest is None else (newest, None)
