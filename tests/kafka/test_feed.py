"""What the page reads: what is there is read once, and what is not is named, looked for, and read as soon as it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from streams.demo.processes import free_ports
from streams.kafka import feed as feeding
from streams.kafka.feed import feed
from streams.kafka.producing import EventProducer
from tests.kafka.topics import Topics


def config(topics: Topics) -> dict[str, str | int | float | bool]:
    return {"bootstrap.servers": topics.bootstrap_servers}


def put(topics: Topics, topic: str, value: bytes) -> None:
    with EventProducer(config(topics), topic, linger_ms=0) as producer:
        producer.send([(b"k", value)])
        assert not producer.flush()


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    own = threading.Event()
    yield own
    own.set()


def test_only_the_missing_topic_is_looked_for(
    topics: Topics, stop: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "AGAIN_S", 0.3)
    there, missing = topics.create("there"), topics.name("missing")
    put(topics, there, b"1")
    reads = feed(config(topics), {there: None, missing: None}, stop)
    values, afresh = [], 0
    deadline = time.monotonic() + 60
    looked_until = float("inf")
    for read in reads:
        assert time.monotonic() < deadline
        afresh += read.afresh is not None
        values += [record.value for record in read.records]
        if read.records:
            looked_until = time.monotonic() + 2
        if not read.behind and read.afresh is None:
            assert missing in read.unreadable[missing]
        if time.monotonic() > looked_until:
            break
    assert (values, afresh) == ([b"1"], 1), "what is there is read once, however often the other was looked for"
    topics.create("missing")
    found = next(read for read in reads if read.afresh is not None)
    assert set(found.afresh or ()) == {there, missing}
    assert found.unreadable == {}
    until_end = next(read for read in reads if not read.behind)
    assert until_end.unreadable == {}


def test_a_broker_that_is_away_is_told_soon_and_nothing_begins_afresh(stop: threading.Event) -> None:
    (port,) = free_ports(1)
    began = time.monotonic()
    read = next(feed({"bootstrap.servers": f"127.0.0.1:{port}"}, {"a": None, "b": 0}, stop))
    assert time.monotonic() - began < 30
    assert read.afresh is None
    assert set(read.unreadable) == {"a", "b"}
    assert "no Kafka broker answered" in read.unreadable["a"]
