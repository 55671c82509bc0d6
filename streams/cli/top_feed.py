"""What `weir top` shows, read from the topics that workers tell of themselves in."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from streams.kafka.client import client_config
from streams.kafka.feed import Read, feed
from streams.kafka.topic_identity import topic_id
from streams.page.figures import EVERY_MS
from streams.page.fleet import GONE_MS
from streams.page.history import TICKS
from streams.page.view import View
from streams.page.watching import Sources, Watching
from streams.settings import Settings
from streams.telemetry.metrics import END_TO_END_SECONDS, SCORES

COMES_S = 1.5 * EVERY_MS / 1000
"""A worker that lives tells of itself within this time."""
SHOWN_TICKS = 30
SILENT = "no worker tells of itself; `weir worker` starts one, `weir doctor` says what is in its way"


class Top:
    """The state of all workers, again and again. Raises BrokerUnreachable, NotAllowed, TopicMissing when made."""

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        topics = settings.topics
        self._sources = Sources(topics.name("figures"), topics.name("alerts"), topics.name("control"))
        self._config = client_config(settings.kafka)
        topic_id(self._config, self._sources.figures)  # without a broker or the topic nothing is waited for
        self._watching = Watching(
            lambda: View(topics.name("events"), END_TO_END_SECONDS, SCORES),
            self._sources,
            lambda _model, _version: None,
        )
        self._stop = stop
        self._problem: str | None = None
        self._heard_at = time.monotonic()
        self._heard_ms = 0

    def states(self, every_s: float) -> Iterator[dict[str, Any]]:
        """One each `every_s`, from when the topics were read to their end."""
        tell_at = 0.0
        ready = False
        for read in self._feed():
            self._take(read)
            ready = ready or _is_caught_up(read) or bool(read.unreadable)
            now = time.monotonic()
            if ready and now >= tell_at:
                tell_at = now + every_s
                self._watching.pass_time(None, 0, _now_ms())
                yield self._state(is_silent=now - self._heard_at > GONE_MS / 1000)

    def state(self) -> dict[str, Any]:
        """The one of now. Waits until a worker tells of itself, or is sure that none does."""
        caught_up_at: float | None = None
        for read in self._feed():
            self._take(read)
            if self._sources.figures in read.unreadable:
                return self._state(is_silent=True)
            if caught_up_at is None:
                caught_up_at = time.monotonic() if _is_caught_up(read) else None
            elif self._heard_at > caught_up_at or time.monotonic() > caught_up_at + COMES_S:
                break
        return self._state(is_silent=caught_up_at is None or self._heard_at < caught_up_at)

    def _feed(self) -> Iterator[Read]:
        history_from = _now_ms() - (TICKS + 1) * EVERY_MS
        topics = {self._sources.figures: history_from, self._sources.alerts: None, self._sources.control: None}
        return feed(self._config, topics, self._stop)

    def _take(self, read: Read) -> None:
        if read.afresh is not None:
            self._watching.begin(read.afresh, _now_ms())
        self._watching.stand(read.unreadable, read.behind)
        self._problem = "; ".join(dict.fromkeys(read.unreadable.values())) or None
        for record in read.records:
            self._watching.take(record.topic, record.key, record.value, record.timestamp, _now_ms())
            if record.topic == self._sources.figures:
                self._heard_at, self._heard_ms = time.monotonic(), self._watching.view.fleet.now_ms

    def _state(self, *, is_silent: bool) -> dict[str, Any]:
        """`is_silent`: workers would have told of themselves, and did not."""
        view = self._watching.view
        if is_silent:
            view.fleet.tick(self._heard_ms + GONE_MS + 1)
        points = view.points(all_of_them=True)
        problem = self._problem or (SILENT if is_silent else None)
        return {
            **view.now(lambda _model, _version: None, problem),
            "alerts": list(view.alerts.standing()),
            "answered_lately": points["answered"][-SHOWN_TICKS:],
            "lag_lately": points["lag"][-SHOWN_TICKS:],
        }


def _is_caught_up(read: Read) -> bool:
    return read.afresh is None and not read.behind and not read.unreadable


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
