"""Sends events when they are due, and tells of each change as it begins."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from drift.scenarios import Episode
from streams.kafka.producing import EventProducer
from streams.trial.drifted_events import DriftedEvents

STEP_S = 0.01
MOST_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Sent:
    """`count` events were handed to the client, of which the broker has `delivered`. `why_failed`: its words about the
    others, empty where it said nothing. `stopped`: by Ctrl-C, before all were sent."""

    count: int
    delivered: int
    why_failed: str
    stopped: bool


def send(
    producer: EventProducer, events: DriftedEvents, *, rate: float, start_ms: int, begins: Callable[[Episode], None]
) -> Sent:
    """Send every event at its time or, where the broker held things up, as soon as it can be. Ctrl-C ends it in order;
    `begins` is told of a change once its first event was sent."""
    began_s = time.monotonic() - (time.time() - start_ms / 1000)
    sent, stopped = 0, False
    waiting = list(events.episodes)
    try:
        while sent < len(events):
            due = min(int((time.monotonic() - began_s) * rate) + 1, sent + MOST_AT_ONCE, len(events))
            if due > sent:
                producer.send(events.take(sent, due))
                sent = due
            else:
                time.sleep(STEP_S)
            while waiting and waiting[0].first_row < sent:
                begins(waiting.pop(0))
    except KeyboardInterrupt:
        stopped = True
    left = producer.flush()
    # Not `sent`: Ctrl-C may have come between two records.
    return Sent(producer.delivered + producer.failed + left, producer.delivered, producer.why_failed, stopped)
