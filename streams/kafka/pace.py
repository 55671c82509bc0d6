"""How many records a batch may have, so that a slow model still decides about each batch in a fraction of a second."""

from __future__ import annotations

FIRST = 64
AIM_S = 0.5
"""A decision that took longer makes the next batch smaller: deadlines, rebalances and stops count in seconds."""


class Pace:
    """Starts small, doubles while decisions are quick, and shrinks with a slow one. `limit`: the most records now."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.limit = min(FIRST, most)

    def took(self, records: int, seconds: float) -> None:
        """A decision about `records` took so long."""
        if records == 0:
            return
        if seconds > AIM_S:
            self.limit = max(1, min(self.limit, int(records * AIM_S / seconds)))
        elif records * 2 > self.limit and seconds < AIM_S / 2:
            self.limit = min(self._most, self.limit * 2)
