"""Events at a steady rate, whatever becomes of those who answer them."""

from __future__ import annotations

import threading
import time

from confluent_kafka import KafkaError, Message, Producer

from streams.kafka.client import client_config
from streams.settings import Settings
from tests.faults.workload import events

STEP_S = 0.02


class Feed(threading.Thread):
    """From `start` to `finish`. Events that a broker does not take wait, and go in their order."""

    def __init__(self, settings: Settings, *, seed: int, rate: int, shift_after: int) -> None:
        super().__init__(name="feed", daemon=True)
        self._topic = settings.topics.name("events")
        self._producer = Producer(
            {
                "log_level": 0,
                **client_config(settings.kafka),
                "enable.idempotence": True,
                "linger.ms": 5,
                "message.timeout.ms": 300_000,
                "reconnect.backoff.max.ms": 500,
                "on_delivery": self._delivered,
            }
        )
        self._seed, self._rate, self._shift_after = seed, rate, shift_after
        self._stopping = threading.Event()
        self._abandoned = False
        self.sent = 0
        self.error: KafkaError | None = None

    def run(self) -> None:
        began = time.time()
        stream = events(self._seed, int(began * 1000), self._rate, self._shift_after)
        while not self._stopping.is_set():
            for _ in range(max(1, int(self._rate * STEP_S))):
                event = next(stream)
                self._producer.produce(self._topic, event.value, event.key, event.partition)
                self.sent += 1
            self._producer.poll(0)
            while not self._stopping.is_set() and time.time() < began + self.sent / self._rate:
                self._producer.poll(0.005)

    def finish(self) -> None:
        """Publish what waits, and no more. Raises AssertionError if an event was not taken."""
        self._stopping.set()
        self.join()
        assert self._producer.flush(60) == 0
        self.check()

    def abandon(self) -> None:
        """Stop without waiting for the broker."""
        self._abandoned = True
        self._stopping.set()
        if self.ident is not None:
            self.join()
        self._producer.purge()

    def check(self) -> None:
        """Raises AssertionError if an event was not taken."""
        assert self.error is None, f"an event was not taken: {self.error}"

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if not self._abandoned and self.error is None:
            self.error = error
