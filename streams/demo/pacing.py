"""How many events are due now. Pure: the clock is an argument, in seconds."""

from __future__ import annotations

MOST_LATE_S = 0.1


class Pacer:
    """Keeps a rate in small steps. After a late tick at most `MOST_LATE_S` worth of events are due: what was missed
    beyond is given up, since a burst would measure the backlog and not the service."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._start = now
        self._given = 0

    def due(self, now: float) -> int:
        """Events to send now; they count as sent."""
        # Rounding must not hide an event that is due just now.
        wanted = max(0, int((now - self._start) * self._rate + 1e-6) - self._given)
        most = max(1, int(self._rate * MOST_LATE_S))
        if wanted > most:
            self._start = now - (self._given + most) / self._rate
            wanted = most
        self._given += wanted
        return wanted
