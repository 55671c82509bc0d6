"""Alerts as lives: the changes of one alert together, with the rows and times at which it began, was seen and ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from drift.alert import Alert
from streams.event_time import to_ms


@dataclass(frozen=True, slots=True)
class AlertLife:
    """All changes of one alert, the firing one first. Times in ms."""

    changes: tuple[Alert, ...]

    @property
    def firing(self) -> Alert:
        return self.changes[0]

    @property
    def latest(self) -> Alert:
        return self.changes[-1]

    @property
    def signal(self) -> str:
        """The key that the signal has in scenarios and metrics."""
        return self.firing.signal.key

    @property
    def onset_ms(self) -> int:
        return in_ms(self.firing.onset.at)

    @property
    def onset_interval_ms(self) -> tuple[int, int]:
        return in_ms(self.firing.onset.interval[0]), in_ms(self.firing.onset.interval[1])

    @property
    def detected_ms(self) -> int:
        return in_ms(self.firing.detected_at)

    @property
    def resolved_ms(self) -> int | None:
        return in_ms(self.latest.detected_at) if self.latest.state == "resolved" else None


def lives_of(alerts: Sequence[Alert]) -> list[AlertLife]:
    """The alerts among these changes, by when they fired."""
    changes: dict[str, list[Alert]] = {}
    for alert in alerts:
        changes.setdefault(alert.alert_id, []).append(alert)
    return [AlertLife(tuple(own)) for own in changes.values()]


def in_ms(time: str) -> int:
    """A time of an alert in ms since the epoch."""
    return to_ms(datetime.fromisoformat(time), -1)


def row_at(times_ms: NDArray[np.int64], time_ms: int) -> int:
    """The first row that is not before a time; the number of rows where there is none."""
    return int(np.searchsorted(times_ms, time_ms, side="left"))
