"""Follow several topics for whoever looks on: what can be read is read, and what cannot is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from confluent_kafka import KafkaException

from streams.kafka.client import BrokerUnreachable, ClientConfig, TopicMissing
from streams.kafka.following import Followed, Follower

TICK_S = 0.1
AGAIN_S = 10.0


class Read(NamedTuple):
    """`afresh`: what was read before is read again from its start, of these `topics`. `problem`: why not of all."""

    records: Sequence[Followed] = ()
    afresh: bool = False
    topics: Sequence[str] = ()
    problem: str | None = None
    caught_up: bool = False


def feed(client_config: ClientConfig, topics: Mapping[str, int | None], stop: threading.Event) -> Iterator[Read]:
    """A piece each `TICK_S` or sooner, until `stop`. `topics` by name, with the time (ms) that they are read from, or
    None for their beginning."""
    missing: dict[str, str] = {}
    while not stop.is_set():
        wanted = [topic for topic in topics if topic not in missing]
        since = {topic: at for topic, at in topics.items() if at is not None and topic in wanted}
        problem = "; ".join(missing.values()) or None
        again_at = time.monotonic() + AGAIN_S if missing else float("inf")
        try:
            yield Read(afresh=True, topics=wanted, problem=problem)
            if not wanted:
                yield from _nothing(stop)
            else:
                with Follower(client_config, wanted, since) as follower:
                    yield from _read(follower, again_at, stop)
            missing.clear()
        except TopicMissing as error:
            missing[error.topic] = str(error)
        except (BrokerUnreachable, KafkaException) as error:
            yield Read(afresh=True, problem=str(error))
            yield from _nothing(stop)


def _read(follower: Follower, until: float, stop: threading.Event) -> Iterator[Read]:
    caught_up = False
    while not stop.is_set() and time.monotonic() < until:
        records = follower.read(TICK_S)
        caught_up = caught_up or follower.at_end()
        yield Read(records, caught_up=caught_up)


def _nothing(stop: threading.Event) -> Iterator[Read]:
    until = time.monotonic() + AGAIN_S
    while time.monotonic() < until and not stop.wait(TICK_S):
        yield Read()
