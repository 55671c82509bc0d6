"""Where the demo talks to: a live panel on a terminal, plain lines elsewhere. Always stderr: stdout is for data."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from streams.cli.cards import AlertFields, alert_card, signal_of
from streams.demo.view import Snapshot, live_view, plain_line

LINE_EVERY_S = 5.0


class Screen(Protocol):
    """A context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def say(self, text: str) -> None:
        """News that stay."""

    def alert(self, alert: AlertFields) -> None:
        """An alert has changed."""

    def show(self, now: Snapshot) -> None:
        """How it stands; called several times a second."""


class PlainScreen:
    """For a log: a line every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)

    def alert(self, alert: AlertFields) -> None:
        if deserves_card(alert):
            self._console.print(alert_card(alert))
        else:
            self.say(one_line(alert))

    def show(self, now: Snapshot) -> None:
        if time.monotonic() - self._last >= LINE_EVERY_S:
            self._last = time.monotonic()
            self.say(plain_line(now))


class LiveScreen:
    """For a terminal: a panel that stays at the bottom; cards and news go above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        self._console.print(Text(text))

    def alert(self, alert: AlertFields) -> None:
        self._console.print(alert_card(alert) if deserves_card(alert) else Text(one_line(alert)))

    def show(self, now: Snapshot) -> None:
        self._live.update(live_view(now, self._console.width), refresh=True)


def make_screen() -> Screen:
    console = Console(stderr=True, highlight=False)
    return LiveScreen(console) if console.is_terminal else PlainScreen(console)


def deserves_card(alert: AlertFields) -> bool:
    """A sensor that begins to drift. What follows from it, and how it goes on, is a line."""
    return alert.get("state") == "firing" and alert.get("kind") == "input"


def one_line(alert: AlertFields) -> str:
    return f"alert {alert.get('state')}, {alert.get('severity')}: {signal_of(alert)}"
