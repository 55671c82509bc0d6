"""Injected changes against alerts: which were found, how late, and which alerts nothing injected explains."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from drift.scenarios import Dependence, Episode
from streams.trial.lives import AlertLife, in_ms, row_at

JOINT = "metric/joint"
"""The signal of all numbers together."""


class Outcome(StrEnum):
    """What became of an injected change."""

    FOUND = "found"  # an alert fired about it, or one that stood was updated
    MISSED = "missed"
    STANDING = "standing"  # an alert from before still stood when it began: on call would know already


@dataclass(frozen=True, slots=True)
class Verdict:
    """An injected change, and the alert about it if there is one. `detected_ms` is the end of the block that showed it,
    `onset_holds` whether the alert's interval for the onset holds the true one (of a change
    that sets in slowly: a part of it), `resolved_ms` when it resolved after
    the change was over."""

    episode: Episode
    outcome: Outcome
    life: AlertLife | None = None
    detected_ms: int | None = None
    rows_late: int | None = None
    onset_holds: bool | None = None
    resolved_ms: int | None = None


def concerns(kind: str, signals: Collection[str], signal: str) -> bool:
    """Whether a change of this kind in `signals` is one of `signal`: a new dependence shows in no column alone."""
    return signal in signals or (kind == Dependence.kind and signal == JOINT)


def judge(episodes: Sequence[Episode], lives: Sequence[AlertLife], times_ms: NDArray[np.int64]) -> list[Verdict]:
    """A verdict for each injected change, in order."""
    return [_verdict(episode, lives, times_ms) for episode in episodes]


def unexplained(episodes: Sequence[Episode], lives: Sequence[AlertLife]) -> list[AlertLife]:
    """Alerts that no injected change explains: false ones, unless the rows drift of themselves. An answer of the model
    that drifts while an injected change holds follows from it."""
    return [life for life in lives if not any(_explains(episode, life) for episode in episodes)]


def _verdict(episode: Episode, lives: Sequence[AlertLife], times_ms: NDArray[np.int64]) -> Verdict:
    own = [life for life in lives if concerns(episode.kind, episode.signals, life.signal)]
    told = [(in_ms(change.detected_at), life) for life in own for change in life.changes if change.state != "resolved"]
    about = [(at, life) for at, life in told if at > episode.began_ms and _overlaps(episode, at, life)]
    if not about:
        stood = [life for life in own if _stands(life, episode.began_ms)]
        return Verdict(episode, Outcome.STANDING, stood[0]) if stood else Verdict(episode, Outcome.MISSED)
    at, life = min(about, key=lambda found: found[0])
    earliest, latest = life.onset_interval_ms
    resolved = life.resolved_ms
    return Verdict(
        episode,
        Outcome.FOUND,
        life,
        detected_ms=at,
        rows_late=row_at(times_ms, at) - episode.first_row,
        onset_holds=earliest <= int(times_ms[min(episode.full_row, len(times_ms) - 1)]) and episode.began_ms <= latest,
        resolved_ms=resolved
        if resolved is not None and episode.ended_ms is not None and resolved > episode.ended_ms
        else None,
    )


def _explains(episode: Episode, life: AlertLife) -> bool:
    follows = concerns(episode.kind, episode.signals, life.signal) or life.signal.startswith("metric/")
    return follows and life.detected_ms > episode.began_ms and _overlaps(episode, life.detected_ms, life)


def _overlaps(episode: Episode, detected_ms: int, life: AlertLife) -> bool:
    """Whether what an alert tells began before the change was over; blocks are told of only after they closed."""
    return episode.ended_ms is None or min(detected_ms, life.onset_interval_ms[0]) <= episode.ended_ms


def _stands(life: AlertLife, time_ms: int) -> bool:
    return life.detected_ms <= time_ms and (life.resolved_ms is None or life.resolved_ms > time_ms)
