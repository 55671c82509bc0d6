"""What viewers of the page are told, in messages: made from what was read, on whatever thread reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from streams.page.figures import Figures, encode_figures
from streams.page.view import ReferenceOf, View

SILENT_MS = 8_000
"""So long after this process published, and none of anybody's figures came back, they do not get through."""


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
    where those of all cannot be read; None: it is no worker."""

    def __init__(self, new_view: Callable[[], View], sources: Sources, reference_of: ReferenceOf) -> None:
        self._new_view, self._sources, self._reference_of = new_view, sources, reference_of
        self.view = new_view()
        self._topics: Sequence[str] = ()
        self._problem: str | None = None
        self._heard: tuple[int, int] | None = None
        self._has_own = False
        self._alerts_told = -1
        self._state_told = b""
        self._points_told = b""

    def begin(self, topics: Sequence[str], problem: str | None) -> None:
        """All is read anew, from these topics."""
        self.view, self._topics, self._problem = self._new_view(), topics, problem
        self._heard = None

    def take(self, topic: str, key: bytes | None, value: bytes | None, at_ms: int, here_ms: int) -> None:
        """A record with its time, and the time here."""
        if topic == self._sources.figures:
            self.view.take_figures(value, at_ms)
            self._heard = (self.view.fleet.now_ms, here_ms)
        elif topic == self._sources.alerts:
            self.view.alerts.take(value, at_ms)
        else:
            self.view.take_control(key, value)

    def pass_time(self, own: Figures | None, own_ms: int, here_ms: int) -> None:
        """Time here, and what this process told last, when."""
        self._has_own = own is not None
        if own is not None and self._sources.figures not in self._topics:
            self.view.take_figures(encode_figures(own), own_ms)
            self.view.fleet.tick(here_ms)
        elif self._heard is not None and not self.is_silent(here_ms):
            self.view.fleet.tick(self._heard[0] + here_ms - self._heard[1])

    def is_silent(self, here_ms: int) -> bool:
        """Whether no figures come any more, not even this process's own: then nothing is known of anybody."""
        return self._heard is not None and here_ms - self._heard[1] > SILENT_MS

    def problem(self, here_ms: int) -> str | None:
        """Why the page does not show all."""
        if self._problem is not None:
            alone = self._has_own and self._sources.figures not in self._topics
            own = "; shown is this worker alone" if alone else ""
            return f"{self._problem}{own}"
        if self._heard is not None and self.is_silent(here_ms):
            ago_s = (here_ms - self._heard[1]) // 1000
            return (
                f"no figures of any worker since {ago_s} s: what you see is as old. Likely cause: Kafka does not "
                "answer; fix: look at `weir status` and the log of this worker"
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
        points = msgspec.json.encode({"all": False, **self.view.points(all_of_them=False)})
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
        return {**self.view.now(self._reference_of), "problem": self.problem(here_ms)}


def _message(event: str, data: Any) -> Message:
    return Message(event, msgspec.json.encode(data))
