"""What a supervisor knows of its worker processes, and what that comes to for a probe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.telemetry.progress import Verdict
from streams.workers.restarts import Ends


@dataclass(frozen=True, slots=True)
class Member:
    """One worker process at a moment. `pid` None: it is not running. `socket`: where it tells of itself."""

    number: int
    slot: str
    socket: Path
    pid: int | None
    ends: Ends
    hopeless: bool


def alive(members: Sequence[Member], *, stopping: bool) -> Verdict:
    """Yes, unless one ends again and again: only others could help then. One that hangs ends itself."""
    if stopping:
        return Verdict(ok=True, reason="stopping")
    lost = [
        f"worker {each.number} ended {each.ends.in_a_row} times in a row, last with {each.ends.last_code}"
        for each in members
        if each.hopeless
    ]
    return Verdict(ok=not lost, reason="; ".join(lost) or "every worker runs, or is being started again")


def together(members: Sequence[Member], said: Mapping[int, Verdict], *, stopping: bool, good: str) -> Verdict:
    """Whether all of them say yes; `said` lacks those that did not answer."""
    if stopping:
        return Verdict(ok=False, reason="stopping")
    problems = []
    for each in members:
        verdict = said.get(each.number)
        if verdict is None:
            problems.append(f"worker {each.number} {'is not running' if each.pid is None else 'does not answer yet'}")
        elif not verdict.ok:
            problems.append(f"worker {each.number}: {verdict.reason}")
    return Verdict(ok=not problems, reason="; ".join(problems) or good)


def described(members: Sequence[Member], told: Mapping[int, Mapping[str, Any]], live: Verdict) -> dict[str, Any]:
    """For `/status`: each with what it tells of itself; `live` is the supervisor's. Ready is who has all ready."""
    workers = []
    for each in members:
        own = told.get(each.number)
        known = {"worker": each.number, "slot": each.slot, "pid": each.pid, "ends": each.ends.total}
        silent = {"live": each.pid is not None, "ready": False, "reason": "does not answer"}
        workers.append({**(silent if own is None else own), **known, "last_exit_code": each.ends.last_code})
    reasons = [] if live.ok else [live.reason]
    reasons += [f"worker {each['worker']}: {each['reason']}" for each in workers if each.get("reason")]
    return {
        "live": live.ok,
        "ready": all(each.get("ready") for each in workers),
        "reason": "; ".join(reasons) or None,
        "workers": workers,
    }
