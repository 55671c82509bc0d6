"""What viewers of the page are told, in messages: made from what was read, on whatever thread reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from streams.page.figures import Figures
from streams.page.fleet import Fleet
from streams.page.view import ReferenceOf, View

SILENT_MS = 8_000
"""So long this process publishes, and none of anybody's figures come: they do not get through."""
ALONE = "; shown is this worker alone"


class Sources(NamedTuple):
    """Names of the topics."""

    figures: str
    alerts: str
    control: str


class Message(NamedTuple):
    """One server-sent event: its name and JSON."""

    event: str
    data: bytes


class Watching:
    """Takes records and the passing of time; gives messages. `own` are the figures of this process, which stand in
    where those of all cannot be read; None: it is no worker. Times in ms; `here_ms` by a clock of this process."""

    def __init__(self, new_view: Callable[[], View], sources: Sources, reference_of: ReferenceOf) -> None:
        self._new_view, self._sources, self._reference_of = new_view, sources, reference_of
        self.view = new_view()
        self._unreadable: Mapping[str, str] = {}
        self._behind: Sequence[str] = ()
        self._began_ms: int | None = None
        self._heard: tuple[int, int] | None = None
        self._alerts_told = -1
        self._has_own = False
        self._state_told = b""
        self._points_told = b""
        self._fleet_told: Fleet | None = None

    def begin(self, topics: Sequence[str], here_ms: int) -> None:
        """These topics are read anew. Alerts that cannot be read now stay as they were read last."""
        before, self.view = self.view, self._new_view()
        if self._sources.alerts not in topics:
            self.view.alerts = before.alerts
        if self._sources.control not in topics:
            self.view.decided = before.decided
        self._began_ms, self._heard, self._alerts_told = here_ms, None, -1

    def stand(self, unreadable: Mapping[str, str], behind: Sequence[str]) -> None:
        """Which topics cannot be read, and why; and which were not read to their end yet."""
        self._unreadable, self._behind = unreadable, behind

    def take(self, topic: str, key: bytes | None, value: bytes | None, at_ms: int, here_ms: int) -> None:
        """A record with its time."""
        if topic == self._sources.figures:
            self.view.take_figures(value, at_ms)
            self._heard = (self.view.everybody.now_ms, here_ms)
        elif topic == self._sources.alerts:
            self.view.alerts.take(value, at_ms)
        else:
            self.view.decided.take(key, value)

    def pass_time(self, own: Figures | None, own_ms: int, here_ms: int) -> None:
        """What this process told last, and when."""
        view, self._has_own = self.view, own is not None
        if own is not None:
            view.alone.take(own, own_ms)
            if self.is_silent(here_ms):
                view.alone.tick(here_ms)
                view.fleet = view.alone
                return
        view.fleet = view.everybody
        if self._heard is not None and not self.is_silent(here_ms):
            view.everybody.tick(self._heard[0] + here_ms - self._heard[1])

    def is_silent(self, here_ms: int) -> bool:
        """Whether no figures come, not even this process's own: then nothing is known of anybody else."""
        if self._sources.figures in self._unreadable:
            return True
        since_ms = self._heard[1] if self._heard is not None else self._began_ms
        return since_ms is None or here_ms - since_ms > SILENT_MS

    def problem(self, here_ms: int) -> str | None:
        """Why the page does not show all."""
        silent = self.is_silent(here_ms)
        alone = ALONE if silent and self._has_own else ""
        if self._unreadable:
            return "; ".join(dict.fromkeys(self._unreadable.values())) + alone
        if self._behind:
            return f"still reading: {', '.join(self._behind)}{alone}"
        if silent:
            since_ms = self._heard[1] if self._heard is not None else self._began_ms
            ago = f" since {(here_ms - since_ms) // 1000} s" if since_ms is not None else ""
            return (
                f"no figures of any worker come{ago}{alone}. Likely cause: Kafka does not answer, or this worker may "
                "not publish them; fix: look at `weir status` and the log of this worker"
            )
        return None

    def all(self, here_ms: int) -> list[Message]:
        """Whatever is known, for who begins to look."""
        points = self.view.points(all_of_them=True)
        return [
            _message("points", {"all": True, **points}),
            _message("alerts", self.view.alerts.shown()),
            _message("state", self._state(here_ms)),
        ]

    def news(self, here_ms: int) -> list[Message]:
        """What is new since the last time, and the time."""
        news = []
        # Whose figures they are has changed: they do not follow on those that were told.
        anew = self._fleet_told is not None and self._fleet_told is not self.view.fleet
        self._fleet_told = self.view.fleet
        points = msgspec.json.encode({"all": anew, **self.view.points(all_of_them=anew)})
        if points != self._points_told:
            self._points_told = points
            news.append(Message("points", points))
        if self.view.alerts.version != self._alerts_told:
            self._alerts_told = self.view.alerts.version
            news.append(_message("alerts", self.view.alerts.shown()))
        state = self._state(here_ms)
        now = state.pop("now")
        encoded = msgspec.json.encode(state)
        if encoded != self._state_told:
            self._state_told = encoded
            news.append(_message("state", {**state, "now": now}))
        news.append(_message("time", now))
        return news

    def _state(self, here_ms: int) -> dict[str, Any]:
        state = self.view.now(self._reference_of, self.problem(here_ms))
        return {**state, "sources": {kind: self._source(topic, here_ms) for kind, topic in self._kinds()}}

    def _kinds(self) -> Sequence[tuple[str, str]]:
        return tuple(self._sources._asdict().items())

    def _source(self, topic: str, here_ms: int) -> dict[str, str]:
        """`read`; or `reading`, `stale` (as it was read last) or `unreadable`, and why."""
        if topic in self._unreadable:
            return {"is": "unreadable", "why": self._unreadable[topic]}
        if topic in self._behind:
            return {"is": "reading"}
        # Without figures Kafka may be away: then of the others nothing new would come either.
        return {"is": "stale" if self._kafka_is_silent(here_ms) else "read"}

    def _kafka_is_silent(self, here_ms: int) -> bool:
        return self._sources.figures not in self._unreadable and self.is_silent(here_ms)


def _message(event: str, data: Any) -> Message:
    return Message(event, msgspec.json.encode(data))
