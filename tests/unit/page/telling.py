"""Records of topic `figures` for tests."""

from __future__ import annotations

from typing import Any

from streams.page.figures import EVERY_MS, Figures

START_MS = 1_800_000_000_000
EVENTS = "events"


def at(tick: int) -> int:
    """The time of the end of a tick."""
    return START_MS + tick * EVERY_MS


def figures(process: str = "p0", **more: Any) -> Figures:
    told: dict[str, Any] = {
        "slot": f"slot of {process}",
        "host": "h",
        "uptime_ms": 0,
        "live": True,
        "ready": True,
    }
    return Figures(process=process, **{**told, **more})


def answering(count: int, process: str = "p0", **more: Any) -> Figures:
    """A process that has answered so many since it began."""
    return figures(process, answers={"churn": {"model": count}}, **more)
