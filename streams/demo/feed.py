"""The demo's source of events: replays at a rate, and lets the sensor drift when its time has come."""

from __future__ import annotations

import threading
import time

from streams.demo.pacing import Pacer
from streams.demo.replay import Replay
from streams.kafka.client import ClientConfig
from streams.kafka.producing import EventProducer

STEP_S = 0.01


class Feed:
    """`run` belongs to a thread of its own; the rest may be read and called from any.

    `injected_at_ms`: time of the first event of the drifted sensor; None before. `delivered`: events that the broker
    has; `failure`: its words about those that it has not.
    """

    def __init__(
        self, client_config: ClientConfig, topic: str, replay: Replay, *, rate: float, drift_at_s: float
    ) -> None:
        self._client_config, self._topic, self._replay = client_config, topic, replay
        self._rate, self.drift_at_s = rate, drift_at_s
        self._begin, self._stop = threading.Event(), threading.Event()
        self._abandoned = False
        self._started: float | None = None
        self.injected_at_ms: int | None = None
        self.delivered = 0
        self.failure = ""

    def run(self) -> None:
        """Connect; from `begin` on send until `stop`; then wait until the broker has everything."""
        with EventProducer(self._client_config, self._topic) as producer:
            producer.connect()
            self._begin.wait()
            self._started = time.monotonic()
            pacer = Pacer(self._rate, self._started)
            while not self._stop.wait(STEP_S):
                now, now_ms = time.monotonic(), time.time_ns() // 1_000_000
                count = pacer.due(now)
                drifted = now - self._started >= self.drift_at_s
                if drifted and count and self.injected_at_ms is None:
                    self.injected_at_ms = now_ms
                producer.send(self._replay.take(count, now_ms, drifted=drifted))
            if not self._abandoned:
                producer.flush()
            self.delivered, self.failure = producer.delivered, producer.why_failed

    def begin(self) -> None:
        """Let the events flow: somebody is there to answer them."""
        self._begin.set()

    def stop(self) -> None:
        """Send no more."""
        self._stop.set()

    def abandon(self) -> None:
        """End at once, whatever the broker has."""
        self._abandoned = True
        self._stop.set()
        self._begin.set()

    def elapsed_s(self) -> float:
        """Since the first event."""
        return 0.0 if self._started is None else time.monotonic() - self._started

    def drifting_s(self) -> float | None:
        """Since the drift began; None before."""
        return None if self.injected_at_ms is None else max(0.0, time.time_ns() / 1e9 - self.injected_at_ms / 1e3)
