"""What becomes of events that are published beside an answer: each is counted once, and nobody waits."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from streams.kafka import event_publishing
from streams.kafka.event_publishing import EventPublishing, Fate
from tests.waiting import until

EVENTS = [(b"a", b"1"), (b"b", b"2")]


class Books:
    """What was told."""

    def __init__(self) -> None:
        self.fates: Counter[str] = Counter()

    def __call__(self, model: str, fates: Mapping[str, int]) -> None:
        assert model == "m"
        self.fates.update(fates)


class Client:
    """In the place of librdkafka's producer: takes two records, then says what it was given."""

    made = 0

    def __init__(self, _config: Any) -> None:
        Client.made += 1
        self.waiting: list[Any] = []
        self.refuses: Exception | None = None

    def list_topics(self, timeout: float) -> Any:
        return type("Metadata", (), {"topics": {"events": type("Topic", (), {"error": None})}})

    def produce(self, topic: str, value: bytes, key: bytes, **more: Any) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.waiting.append(more["on_delivery"])

    def poll(self, timeout: float) -> None:
        self.flush(timeout)

    def flush(self, timeout: float) -> None:
        for each in self.waiting:
            each(None, None)
        self.waiting = []

    def purge(self, **_: Any) -> None:
        for each in self.waiting:
            each(KafkaError(KafkaError._PURGE_QUEUE), None)
        self.waiting = []

    def __len__(self) -> int:
        return len(self.waiting)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> type[Client]:
    monkeypatch.setattr(event_publishing, "Producer", Client)
    monkeypatch.setattr(event_publishing, "RETRY_S", 0.01)
    Client.made = 0
    return Client


def test_without_a_broker_events_are_counted_and_it_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_publishing, "CONNECT_S", 0.1)
    books = Books()
    publishing = EventPublishing({"bootstrap.servers": "127.0.0.1:1"}, "events", books, names_model=False)
    publishing.start()
    publishing.offer("m", EVENTS, 0)
    publishing.close()
    assert books.fates == {Fate.NOT_CONNECTED: 2}
    assert not publishing._thread.is_alive()


@pytest.mark.parametrize(
    ("refusal", "fate", "clients"),
    [
        (BufferError(), Fate.QUEUE_FULL, 1),
        (KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)), Fate.FAILED, 1),
        (KafkaException(KafkaError(KafkaError._FATAL)), Fate.FAILED, 2),
        (KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC)), Fate.FAILED, 2),
    ],
)
def test_what_the_client_does_not_take_is_counted_and_one_of_no_use_is_replaced(
    client: type[Client], refusal: Exception, fate: Fate, clients: int
) -> None:
    books = Books()
    publishing = EventPublishing({}, "events", books, names_model=False)
    publishing.start()
    until(lambda: publishing._producer is not None, "it is connected")
    first: Any = publishing._producer
    first.refuses = refusal
    publishing.offer("m", EVENTS, 0)
    first.refuses = None
    until(lambda: client.made == clients and publishing._producer is not None, "it is connected, anew where need be")
    publishing.offer("m", EVENTS, 0)
    publishing.close()
    assert books.fates == {fate: 2, Fate.DELIVERED: 2}


def test_what_is_queued_at_the_end_is_delivered(client: type[Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "poll", lambda _self, timeout: publishing._stop.wait(timeout))
    books = Books()
    publishing = EventPublishing({}, "events", books, names_model=False)
    publishing.start()
    until(lambda: publishing._producer is not None, "it is connected")
    publishing.offer("m", EVENTS, 0)
    publishing.close()
    assert books.fates == {Fate.DELIVERED: 2}
    publishing.offer("m", EVENTS, 0)
    assert books.fates[Fate.NOT_CONNECTED] == 2


def test_what_callers_send_does_not_fill_the_log(client: type[Client]) -> None:
    publishing = EventPublishing({}, "events", Books(), names_model=False)
    publishing.start()
    until(lambda: publishing._producer is not None, "it is connected")
    taken: Any = publishing._producer
    with capture_logs() as logs:
        for code in [KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG] * 20:
            taken.refuses = KafkaException(KafkaError(code))
            publishing.offer("m", EVENTS, 0)
    publishing.close()
    assert [each["event"] for each in logs] == ["requests are not published"]


def test_what_is_offered_while_the_client_is_let_go_is_counted_all_the_same(
    client: type[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()
    take, purge = client.produce, client.purge

    def produce(self: Client, *what: Any, **more: Any) -> None:
        publishing._is_broken.set()
        let_go.wait(0.5)  # it must not be let go meanwhile
        take(self, *what, **more)

    def purged(self: Client, **how: Any) -> None:
        purge(self, **how)
        let_go.set()

    monkeypatch.setattr(client, "produce", produce)
    monkeypatch.setattr(client, "purge", purged)
    books = Books()
    publishing = EventPublishing({}, "events", books, names_model=False)
    publishing.start()
    until(lambda: publishing._producer is not None, "it is connected")
    publishing.offer("m", EVENTS[:1], 0)
    publishing.close()
    assert books.fates.total() == 1
