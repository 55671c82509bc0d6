"""How tests wait: for a condition, with a deadline, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable

DEADLINE_S = 60.0


def until(
    condition: Callable[[], object],
    what: str,
    deadline_s: float = DEADLINE_S,
    *,
    every_s: float = 0.01,
    said: Callable[[], str] = str,
) -> None:
    """Wait until the condition holds. `said`: what explains a missed deadline, such as the end of a log."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {deadline_s:g} s: {what}\n{said()}"
        time.sleep(every_s)
