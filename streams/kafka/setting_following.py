"""Follow one setting of `control`: what is accepted now, and what comes to be accepted."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import structlog
from confluent_kafka import KafkaException

from streams.kafka.client import BrokerUnreachable, ClientConfig, TopicMissing
from streams.kafka.following import Follower

TICK_S = 0.2
AGAIN_S = 5.0


def follow_setting(
    client_config: ClientConfig, topic: str, setting: str, stop: threading.Event
) -> Iterator[bytes | None]:
    """The newest accepted record of `setting` each `TICK_S` or sooner, from when the topic was read to its end; None if
    there is none. Ends with `stop`. What keeps it from reading is logged, and tried again."""
    key, log = setting.encode(), structlog.get_logger("streams.kafka.setting_following")
    while not stop.is_set():
        try:
            yield from _read(client_config, topic, key, stop)
        except (BrokerUnreachable, TopicMissing, KafkaException) as error:
            log.warning("cannot follow what is decided", topic=topic, setting=setting, why=str(error))
            stop.wait(AGAIN_S)


def _read(client_config: ClientConfig, topic: str, key: bytes, stop: threading.Event) -> Iterator[bytes | None]:
    newest: bytes | None = None
    caught_up = False
    with Follower(client_config, [topic]) as follower:
        while not stop.is_set():
            for record in follower.read(TICK_S):
                if record.key == key:
                    newest = record.value
            caught_up = caught_up or follower.at_end()
            if caught_up:
                yield newest
