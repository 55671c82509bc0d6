"""Is this process alive? Judged by progress, not by whether it answers: a lane that hangs still answers.

A lane is stuck when it owns partitions, is not at their end, and has committed nothing for the deadline. Time without
a broker and time in a rebalance do not count: a restart would mend neither. Time is an argument, in seconds.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

KEPT_TURNS = 20
"""Changes of a breaker's state that are shown."""


class Verdict(NamedTuple):
    """An answer for a probe, with its reason in words."""

    ok: bool
    reason: str


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """What a lane last told. `moved_at`: the last time that it made progress or had an excuse; `heard_at`: that it told
    anything at all."""

    moved_at: float
    heard_at: float
    partitions: tuple[int, ...] = ()
    assigned_once: bool = False
    rebalancing: bool = True
    caught_up: bool = False
    broker_up: bool = True
    hindered: str = ""
    asking: bool = False

    def verdict(self, now: float, deadline_s: float) -> Verdict:
        """Whether the lane lives."""
        if self.asking:
            still = now - self.moved_at
            return Verdict(still < deadline_s, f"asking the model, for {still:.1f} s now")
        if self.rebalancing:
            return Verdict(ok=True, reason="waits for its partitions")
        if not self.partitions:
            return Verdict(ok=True, reason="has no partitions; others have them all")
        # A lane that waits tells so again and again; one that no longer does hangs or is dead.
        silent = now - self.heard_at
        if self.hindered:
            return Verdict(silent < deadline_s, f"{self.hindered}, last heard of {silent:.1f} s ago")
        if not self.broker_up:
            return Verdict(silent < deadline_s, f"waits for the broker, last heard of {silent:.1f} s ago")
        if self.caught_up:
            return Verdict(silent < deadline_s, f"at the end of its partitions, last heard of {silent:.1f} s ago")
        still = now - self.moved_at
        return Verdict(still < deadline_s, f"behind, last commit {still:.1f} s ago")


class LaneProgress:
    """What one lane tells, from its own thread; `status` may be read from any."""

    def __init__(self, now: float) -> None:
        self._lock = threading.Lock()
        self._status = LaneStatus(moved_at=now, heard_at=now)

    @property
    def status(self) -> LaneStatus:
        with self._lock:
            return self._status

    def assigned(self, partitions: Iterable[int], now: float) -> None:
        """The lane owns these partitions, with their state restored."""
        self._tell(
            now, moved=True, partitions=tuple(partitions), assigned_once=True, rebalancing=False, caught_up=False,
            broker_up=True,
        )  # fmt: skip

    def rebalancing(self, now: float) -> None:
        """The partitions were taken away, new ones may follow."""
        self._tell(now, moved=True, rebalancing=True, caught_up=False, partitions=())

    def committed(self, now: float) -> None:
        """A batch was committed, or replayed."""
        self._tell(now, moved=True, broker_up=True, hindered="")

    def searching(self, now: float) -> None:
        """The search for the row that a model hangs on or dies of came one call further. It has an end."""
        self._tell(now, moved=True)

    def opened(self, now: float) -> None:
        """A door, which has no partitions, has a model to answer with."""
        self.assigned((), now)

    def asking(self, asking: bool, now: float) -> None:  # noqa: FBT001  # the value is the message
        """Whether a door waits for the model now."""
        self._tell(now, moved=True, asking=asking)

    def caught_up(self, caught_up: bool, now: float) -> None:  # noqa: FBT001  # the value is the message
        """Whether the end of every partition was seen since the last record."""
        # A lane that was at the end has its full time from the first new record on.
        self._tell(now, moved=caught_up or self.status.caught_up, caught_up=caught_up)

    def broker(self, up: bool, now: float) -> None:  # noqa: FBT001  # the value is the message
        """Whether the broker can be reached."""
        self._tell(now, moved=up and not self.status.broker_up, broker_up=up)

    def hindered(self, why: str, now: float) -> None:
        """A topic or a right that the lane needs is missing; a restart would not mend it."""
        self._tell(now, moved=True, hindered=why)

    def unhindered(self, now: float) -> None:
        """What was missing is there, and everything was read."""
        self._tell(now, moved=True, hindered="")

    def failed(self, now: float) -> None:
        """A batch failed or a transaction was given up: a sign of life, and no progress."""
        self._tell(now, moved=False)

    def _tell(self, now: float, *, moved: bool, **changes: Any) -> None:
        with self._lock:
            moved_at = now if moved else self._status.moved_at
            self._status = replace(self._status, heard_at=now, moved_at=moved_at, **changes)


class Progress:
    """The lanes of a process by role, and its model: what the probes ask."""

    def __init__(
        self, roles: Iterable[str], *, needs_model: bool, deadline_s: float, now: float, aside: Container[str] = ()
    ) -> None:
        """Roles `aside` are waited for only where there is no other: no answer depends on them."""
        self._lanes = {role: LaneProgress(now) for role in roles}
        self._needed = {role: lane for role, lane in self._lanes.items() if role not in aside} or self._lanes
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._models: dict[str, str] = {}
        self._breakers: dict[str, deque[dict[str, str]]] = {}
        self._needs_model = needs_model
        self._stopping = False

    def lane(self, role: str) -> LaneProgress:
        """The part of a lane, for the lane to tell. Raises KeyError for a role that was not announced."""
        return self._lanes[role]

    def model_loaded(self, name: str, version: str) -> None:
        """A model can answer now."""
        with self._lock:
            self._models = {**self._models, name: version}

    def breaker_turned(self, name: str, state: str, why: str, at: str) -> None:
        """The breaker of a model changed its state at that time (RFC 3339). The last changes are kept."""
        with self._lock:
            turns = self._breakers.setdefault(name, deque(maxlen=KEPT_TURNS))
            turns.append({"state": state, "why": why, "at": at})

    def stopping(self) -> None:
        """The process is on its way out: alive, not ready."""
        self._stopping = True

    @property
    def is_stopping(self) -> bool:
        return self._stopping

    def live(self, now: float) -> Verdict:
        """No when a lane is stuck: only a restart helps. A process on its way out has a deadline of its own."""
        if self._stopping:
            return Verdict(ok=True, reason="stopping")
        verdicts = [(role, lane.status.verdict(now, self._deadline_s)) for role, lane in self._needed.items()]
        stuck = [f"{role} is {verdict.reason}" for role, verdict in verdicts if not verdict.ok]
        return Verdict(ok=not stuck, reason="; ".join(stuck) or "every lane makes progress, or has nothing to do")

    def started(self) -> Verdict:
        """Yes once the model is loaded and every lane had an assignment, if an empty one."""
        missing = [
            f"{role} has no assignment yet" for role, lane in self._needed.items() if not lane.status.assigned_once
        ]
        if self._needs_model and not self._models:
            missing.insert(0, "no model is loaded yet")
        return Verdict(ok=not missing, reason="; ".join(missing) or "started")

    def ready(self) -> Verdict:
        """As `started`, until the process stops, and not while a topic or a right is missing."""
        if self._stopping:
            return Verdict(ok=False, reason="stopping")
        waiting = {role: lane.status.hindered for role, lane in self._needed.items()}
        reasons = [f"{role} is {why}" for role, why in waiting.items() if why]
        return Verdict(ok=False, reason="; ".join(reasons)) if reasons else self.started()

    def describe(self, now: float) -> dict[str, Any]:
        """For people and `weir status`: JSON-ready."""
        live, ready = self.live(now), self.ready()
        with self._lock:
            breakers = {name: list(turns) for name, turns in self._breakers.items()}
        lanes = {}
        for role, lane in self._lanes.items():
            status = lane.status
            lanes[role] = {
                "partitions": list(status.partitions),
                "caught_up": status.caught_up,
                "rebalancing": status.rebalancing,
                "broker_up": status.broker_up,
                "hindered": status.hindered or None,
                "moved_s_ago": round(now - status.moved_at, 3),
            }
        return {
            "live": live.ok,
            "ready": ready.ok,
            "reason": "; ".join(verdict.reason for verdict in (live, ready) if not verdict.ok) or None,
            "models": self._models,
            "breakers": breakers,
            "lanes": lanes,
        }
