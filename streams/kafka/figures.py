"""Publish what this process tells of itself. Whatever the broker does, nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from confluent_kafka import KafkaError, Message, Producer

from streams.kafka.client import ClientConfig
from streams.kafka.complaints import quiet

log = structlog.get_logger("streams.kafka.figures")

MOST_WAITING = 4
"""Records that wait for a broker. What a page missed it does not miss: the next record has all totals."""
TIMEOUT_MS = 8_000


class FiguresProducer:
    """Sends to one partition of one topic, and drops what does not go at once. For one thread. Its client is its own,
    so that no lane's records ever wait behind its."""

    def __init__(self, client_config: ClientConfig, topic: str, on_dropped: Callable[[], None]) -> None:
        self._topic, self._on_dropped = topic, on_dropped
        self._told: str | None = None
        config: dict[str, Any] = {
            **client_config,
            **quiet(client_config),
            "enable.idempotence": False,
            "acks": 1,
            "linger.ms": 0,
            "compression.type": "lz4",
            "message.timeout.ms": TIMEOUT_MS,
            "queue.buffering.max.messages": MOST_WAITING,
            "allow.auto.create.topics": False,
            "error_cb": lambda _error: None,
            "on_delivery": self._note,
        }
        config.pop("transactional.id", None)
        self._producer = Producer(config)

    def send(self, key: str, value: bytes) -> None:
        """Or drop it, count that, and say so once."""
        try:
            self._producer.produce(self._topic, value, key.encode(), partition=0)
        except BufferError:
            self._say("the broker does not answer", "none needed, they go out once it does; `weir doctor` says more")
        except Exception as error:  # noqa: BLE001  # whatever a client makes of its properties: figures are no reason to stop
            self._say(str(error))
        self._producer.poll(0)

    def close(self, patience_s: float) -> None:
        """Let the last record go, if it goes soon."""
        self._producer.flush(patience_s)
        self._producer.purge(in_queue=True, in_flight=True, blocking=False)
        self._producer.poll(0)

    def _note(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self._told = None
        elif error.code() not in {KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}:
            self._say(error.str())

    def _say(self, why: str, fix: str = "`weir topics create`, or docs/reference/rights.md") -> None:
        self._on_dropped()
        if self._told is None:
            log.warning("figures not published: pages do not show this worker", topic=self._topic, why=why, fix=fix)
        self._told = why
