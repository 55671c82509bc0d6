"""Events that were answered over HTTP, published to `events` beside the answer. Nothing waits for it; what is lost is
counted.

The queue is librdkafka's own, which refuses what is beyond its bounds. A thread connects, and takes the broker's word.
"""

from __future__ import annotations

import functools
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.contracts import DOOR_HEADER, DOOR_HTTP, HEADER_MODEL
from streams.kafka.client import BrokerUnreachable, ClientConfig, TopicMissing
from streams.kafka.complaints import without_secrets

log = structlog.get_logger("streams.kafka")


class Fate(StrEnum):
    """What became of an event."""

    DELIVERED = "delivered"
    QUEUE_FULL = "queue_full"
    NOT_CONNECTED = "not_connected"  # the broker was not reached yet, or has no such topic
    FAILED = "failed"


Told: TypeAlias = Callable[[str, Mapping[str, int]], None]
"""Takes a model's name, and how many of its events had which `Fate`."""

MOST_RECORDS, MOST_KBYTES = 10_000, 32_768
"""That wait for the broker; about ten seconds of a busy door."""

DELIVERY_S, FLUSH_S, CONNECT_S, RETRY_S, POLL_S = 10.0, 1.5, 1.0, 1.0, 0.2

QUIET_S = 10.0
"""Between two complaints: callers decide what is sent here, and must not fill the log."""

_BEGIN_ANEW = frozenset({KafkaError._FATAL, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION})
"""The producer is of no more use, or the topic must be waited for again."""


class EventPublishing:
    """To one topic. `offer` is for any thread."""

    def __init__(self, client_config: ClientConfig, topic: str, told: Told, *, names_model: bool) -> None:
        """`names_model`: several models are served, and an event is for the one that answered it alone."""
        self._config, self._topic, self._told, self._names_model = client_config, topic, told, names_model
        self._producer: Producer | None = None
        self._handing = threading.Lock()
        """What is queued while it is held is still waited for. Nobody waits with it."""
        self._stop, self._is_broken = threading.Event(), threading.Event()
        self._fates: dict[str, Counter[str]] = {}
        self._complaint, self._complained_at = "", -math.inf
        self._thread = threading.Thread(target=self._run, name="event-publishing", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def offer(self, model: str, events: Sequence[tuple[bytes, bytes]], at_ms: int) -> None:
        """Queue events (key, value) of a request that came at that time (ms). Neither waits nor raises."""
        with self._handing:
            lost = self._queue(model, events, at_ms)
        if lost:
            self._told(model, lost)

    def _queue(self, model: str, events: Sequence[tuple[bytes, bytes]], at_ms: int) -> Counter[str]:
        """Gives those that were not queued."""
        producer = self._producer
        if producer is None:
            return Counter({Fate.NOT_CONNECTED: len(events)})
        headers: list[tuple[str, str | bytes | None]] = [(DOOR_HEADER, DOOR_HTTP)]
        if self._names_model:
            headers.append((HEADER_MODEL, model))
        noting = functools.partial(self._note, model)
        lost: Counter[str] = Counter()
        for key, value in events:
            try:
                producer.produce(self._topic, value, key, timestamp=at_ms, headers=headers, on_delivery=noting)
            except BufferError:
                lost[Fate.QUEUE_FULL] += 1
            except KafkaException as error:
                lost[Fate.FAILED] += 1
                self._look_at(error.args[0])
        return lost

    def close(self) -> None:
        """Wait for what is queued, `FLUSH_S` at most; what is left then counts as failed."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(FLUSH_S + 2 * POLL_S)  # it is a daemon: a client that hangs keeps nobody

    def _run(self) -> None:
        while not self._stop.is_set():
            producer = self._connected()
            if producer is None:
                self._stop.wait(RETRY_S)
                continue
            self._is_broken.clear()
            self._producer = producer
            log.info("requests are published to Kafka", topic=self._topic)
            while not (self._stop.is_set() or self._is_broken.is_set()):
                producer.poll(POLL_S)
                self._tell()
            with self._handing:
                self._producer = None
            self._let_go(producer)
            self._stop.wait(RETRY_S)  # what broke this one may break the next

    def _connected(self) -> Producer | None:
        """A producer that has seen the topic: another one might have a broker make it, in a form of its own."""
        try:
            producer = Producer(
                {
                    "log_level": 2,
                    **self._config,
                    "enable.idempotence": True,
                    "linger.ms": 5,
                    "delivery.timeout.ms": int(DELIVERY_S * 1000),
                    "queue.buffering.max.messages": MOST_RECORDS,
                    "queue.buffering.max.kbytes": MOST_KBYTES,
                }
            )
            found = producer.list_topics(timeout=CONNECT_S).topics.get(self._topic)
            if found is None or found.error is not None:
                raise TopicMissing(self._topic)
        except KafkaException as error:
            servers = str(self._config.get("bootstrap.servers"))
            self._complain(str(BrokerUnreachable(servers, CONNECT_S, error.args[0].str())))
            return None
        except TopicMissing as error:
            self._complain(str(error))
            return None
        return producer

    def _let_go(self, producer: Producer) -> None:
        deadline = time.monotonic() + FLUSH_S
        while len(producer) and time.monotonic() < deadline:
            producer.flush(POLL_S)
        producer.purge(in_queue=True, in_flight=True, blocking=False)
        producer.flush(POLL_S)  # calls back for what was purged
        self._tell()

    def _note(self, model: str, error: KafkaError | None, _message: Message) -> None:
        self._fates.setdefault(model, Counter())[Fate.DELIVERED if error is None else Fate.FAILED] += 1
        if error is not None:
            self._look_at(error)
        elif self._complaint:
            self._complaint = ""
            log.info("requests are published to Kafka again", topic=self._topic)

    def _look_at(self, error: KafkaError) -> None:
        self._complain(error.str())
        if error.code() in _BEGIN_ANEW or error.fatal():
            self._is_broken.set()

    def _complain(self, why: str) -> None:
        """Once, until it is another reason or it works again: the metrics tell how many."""
        now = time.monotonic()
        if why != self._complaint and now - self._complained_at >= QUIET_S:
            self._complaint, self._complained_at = why, now
            log.warning("requests are not published", topic=self._topic, why=without_secrets(why, self._config))

    def _tell(self) -> None:
        fates, self._fates = self._fates, {}
        for model, counts in fates.items():
            self._told(model, counts)
