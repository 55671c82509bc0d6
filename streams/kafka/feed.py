"""Follow several topics for whoever looks on: what can be read is read, and what cannot is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from confluent_kafka import KafkaException

from streams.kafka.client import BrokerUnreachable, ClientConfig, TopicMissing
from streams.kafka.following import Followed, Follower, TopicUnreadable

TICK_S = 0.1
AGAIN_S = 10.0
"""Between two looks at what could not be read."""
ANSWER_S = 3.0
NOTHING: Mapping[str, str] = MappingProxyType({})


class Read(NamedTuple):
    """`afresh`: these topics are read again from their start; None: it goes on. `unreadable`: why others are not read.
    `behind`: those that are, and were not read to their end yet."""

    records: Sequence[Followed] = ()
    afresh: Sequence[str] | None = None
    unreadable: Mapping[str, str] = NOTHING
    behind: Sequence[str] = ()


def feed(client_config: ClientConfig, topics: Mapping[str, int | None], stop: threading.Event) -> Iterator[Read]:
    """A piece each `TICK_S` or sooner, unless the broker is slow to answer, until `stop`. `topics` by name, with the
    time (ms) that they are read from, or None for their beginning."""
    unreadable: dict[str, str] = {}
    while not stop.is_set():
        wanted = [topic for topic in topics if topic not in unreadable]
        since = {topic: at for topic, at in topics.items() if at is not None and topic in wanted}
        try:
            if wanted:
                with Follower(client_config, wanted, since, ANSWER_S) as follower:
                    yield Read(afresh=wanted, unreadable=dict(unreadable), behind=wanted)
                    yield from _read(client_config, follower, unreadable, stop)
            else:
                yield Read(afresh=(), unreadable=dict(unreadable))
                yield from _nothing(unreadable, stop)
                unreadable.clear()
        except (TopicMissing, TopicUnreadable) as error:
            unreadable[error.topic] = str(error)
        except (BrokerUnreachable, KafkaException) as error:
            yield from _nothing(dict.fromkeys(topics, str(error)), stop)


def _read(
    client_config: ClientConfig, follower: Follower, unreadable: dict[str, str], stop: threading.Event
) -> Iterator[Read]:
    """Until one of the unreadable can be read, which then is none of them any more."""
    again_at = time.monotonic() + AGAIN_S
    while not stop.is_set():
        records = follower.read(TICK_S)
        yield Read(records, unreadable=dict(unreadable), behind=follower.behind())
        if unreadable and time.monotonic() >= again_at:
            found = [topic for topic in unreadable if _is_readable(client_config, topic)]
            if found:
                for topic in found:
                    del unreadable[topic]
                return
            again_at = time.monotonic() + AGAIN_S


def _is_readable(client_config: ClientConfig, topic: str) -> bool:
    """Asked of that topic alone: what is read already need not be read again for it."""
    try:
        with Follower(client_config, [topic], timeout_s=ANSWER_S) as probe:
            until = time.monotonic() + ANSWER_S
            while not probe.read(TICK_S) and probe.behind():  # the ends of its partitions come one by one
                if time.monotonic() >= until:
                    return False
            return True
    except (BrokerUnreachable, TopicMissing, KafkaException):
        return False


def _nothing(unreadable: Mapping[str, str], stop: threading.Event) -> Iterator[Read]:
    until = time.monotonic() + AGAIN_S
    while time.monotonic() < until and not stop.is_set():
        yield Read(unreadable=unreadable)
        stop.wait(TICK_S)
