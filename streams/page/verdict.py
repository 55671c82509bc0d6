"""What is wrong, if anything, in words: the line at the top of the page and the colours of its tiles.

Nothing is well that is not known to be. Shares and rates come from the last minute, so that
what is over is soon over here too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

Level: TypeAlias = Literal["bad", "warn"]

WORKER, DRIFT = "docs/runbooks/worker.md", "docs/runbooks/drift.md"
OBJECTIVE = 0.999
"""Availability that is asked for."""
OUTAGE = 0.99
"""Availability of a minute below which somebody is called."""
DEAD_SHARE, MOST_DEAD_SHARE = 0.01, 0.1
REFUSED_SHARE, MOST_REFUSED_SHARE = 0.001, 0.01
DEGRADED_SHARE, MOST_DEGRADED_SHARE = 0.001, 0.5
LATELY_TICKS = 10
"""A batch may take its time; where for so many nothing was answered of what waits, nothing is."""
DRAIN_S, LONGEST_DRAIN_S = 30.0, 300.0
"""Lag that does not fall is told once it takes so long to drain at the rate of now."""


class Finding(NamedTuple):
    """`about` is the same as long as the same is wrong. `tile`: the figure that it is about, or none."""

    about: str
    words: str
    level: Level
    runbook: str
    tile: str = ""


class Signs(NamedTuple):
    """What the verdict goes by. Rates are a second's; `passed_lately` of both over the last
    `LATELY_TICKS`; `lags` the lag of events in each tick of the last minute, the oldest first;
    `states` counts workers by state; `roles` are those of workers that are there; `firing` counts alerts by severity;
    `rungs`: by model, the share that others than it answered; `problem`: why not all is known."""

    problem: str | None = None
    states: Mapping[str, int] = {}
    roles: frozenset[str] = frozenset()
    crowded: bool = False
    unreadable: bool = False
    firing: Mapping[str, int] = {}
    answered: float = 0.0
    dead: float = 0.0
    passed_lately: float = 0.0
    availability_now: float | None = None
    availability: float | None = None
    requests: float = 0.0
    refused: float = 0.0
    lags: Sequence[int] = ()
    rungs: Mapping[str, float] = {}
    spared: Sequence[str] = ()


def verdict(signs: Signs) -> list[Finding]:
    """The worst first; nothing where all is known to be well."""
    found = [
        *_unknown(signs),
        *_workers(signs),
        *_lag(signs),
        *_answers(signs),
        *_ladder(signs),
        *_alerts(signs),
    ]
    return sorted(found, key=lambda finding: finding.level != "bad")


def is_idle(signs: Signs) -> bool:
    """Nothing came, so nothing can be wrong with answers: that is not the same as that all is well."""
    return signs.answered + signs.dead + signs.requests == 0


def _unknown(signs: Signs) -> Iterator[Finding]:
    if signs.problem is not None:
        yield Finding("problem", "Not all can be read", "warn", f"{WORKER}#it-waits")
    if signs.crowded:
        yield Finding("crowded", "There are more workers than this page shows", "warn", WORKER, "workers")
    if signs.unreadable:
        yield Finding("unreadable", "Some workers tell what this release cannot read", "warn", WORKER, "workers")


def _workers(signs: Signs) -> Iterator[Finding]:
    present = sum(count for state, count in signs.states.items() if state not in {"gone", "stopped"})
    if not present:
        ended = bool(signs.states)
        words = "No worker is there any more" if ended else "No worker has told anything yet"
        yield Finding("nobody", words, "bad" if ended else "warn", f"{WORKER}#it-waits", "workers")
    elif not signs.roles & {"predict", "http"}:
        yield Finding("no-predict", "No worker answers events", "bad", f"{WORKER}#it-waits", "workers")
    elif not signs.states.get("ready"):
        yield Finding("none-ready", "No worker is ready", "bad", f"{WORKER}#it-waits", "workers")
    if present and "drift" not in signs.roles:
        yield Finding(
            "no-drift", "No drift worker: nothing is watched, orders wait", "warn", f"{WORKER}#it-waits", "workers"
        )
    anchors = {"gone": "it-ended-with-1", "stuck": "stuck-livez-says-503", "not ready": "it-waits"}
    levels: dict[str, Level] = {"gone": "bad", "stuck": "bad", "not ready": "warn"}
    for state, anchor in anchors.items():
        if count := signs.states.get(state, 0):
            yield Finding(state, f"{_count(count, 'worker')} {state}", levels[state], f"{WORKER}#{anchor}", "workers")


def _lag(signs: Signs) -> Iterator[Finding]:
    if not signs.lags or signs.lags[-1] <= 0:
        return
    first, last = signs.lags[0], signs.lags[-1]
    runbook = f"{WORKER}#lag-grows"
    if signs.passed_lately == 0:
        # A single reading may be of the moment in which the first event came.
        if len(signs.lags) > 1 and min(signs.lags[-LATELY_TICKS:]) > 0:
            yield Finding("stands", f"Nothing is answered, {_count(last, 'event')} waiting", "bad", runbook, "lag")
        return
    drain_s = last / max(signs.answered + signs.dead, 1e-9)
    if drain_s > DRAIN_S and last >= first:
        level: Level = "bad" if drain_s > LONGEST_DRAIN_S else "warn"
        does = "Lag grows" if last > first else "Lag does not fall"
        yield Finding("lag", f"{does}: {_time(drain_s)} behind", level, runbook, "lag")


def _answers(signs: Signs) -> Iterator[Finding]:
    runbook = f"{WORKER}#dead-letters-come"
    now, lately = signs.availability_now, signs.availability
    if now is not None and now < OUTAGE:
        yield Finding("availability", f"Only {_percent(now)} of events answered", "bad", runbook, "availability")
    elif lately is not None and lately < OBJECTIVE:
        words = f"Availability {_percent(lately)} in the last 15 min"
        yield Finding("availability", words, "warn", runbook, "availability")
    passed = signs.answered + signs.dead
    if passed > 0 and signs.dead > DEAD_SHARE * passed:
        level: Level = "bad" if signs.dead > MOST_DEAD_SHARE * passed else "warn"
        yield Finding("dead", f"Dead letters {_percent(signs.dead / passed)} of events", level, runbook, "dead")
    if signs.requests > 0 and signs.refused > REFUSED_SHARE * signs.requests:
        level = "bad" if signs.refused > MOST_REFUSED_SHARE * signs.requests else "warn"
        words = f"HTTP 5xx {_percent(signs.refused / signs.requests)} of requests"
        yield Finding("http", words, level, WORKER, "availability")


def _ladder(signs: Signs) -> Iterator[Finding]:
    runbook = f"{WORKER}#answers-are-degraded"
    shares = {model: share for model, share in signs.rungs.items() if share > DEGRADED_SHARE}
    if shares:
        level: Level = "bad" if max(shares.values()) > MOST_DEGRADED_SHARE else "warn"
        yield Finding("degraded", f"{', '.join(sorted(shares))} degraded", level, runbook, "answered")
    spared = sorted(set(signs.spared) - set(shares))
    if spared:
        yield Finding("spared", f"{', '.join(spared)} fails and is not asked", "warn", runbook, "answered")


def _alerts(signs: Signs) -> Iterator[Finding]:
    pages = signs.firing.get("page", 0)
    others = sum(signs.firing.values()) - pages
    if pages:
        yield Finding("pages", _count(pages, "page"), "bad", DRIFT)
    if others:
        yield Finding("alerts", _count(others, "alert"), "warn", DRIFT)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _percent(share: float) -> str:
    """Rounded down: almost all is not all."""
    return f"{int(min(share, 1.0) * 1000) / 10:g} %"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
