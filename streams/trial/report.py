"""What a trial came to, as data: the object that `--json` prints, and what the words and the picture are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from drift.alert import Alert, rfc3339
from streams.trial.lives import AlertLife, in_ms, row_at
from streams.trial.scoring import Verdict
from streams.trial.watching import Watched


class Reference(msgspec.Struct, frozen=True):
    """Where the reference profile is from: a file and its rows, or a model."""

    source: str
    rows: int
    profile: str


class Times(msgspec.Struct, frozen=True):
    """`column` None: the file has no times, so row followed row at an even pace and times mean nothing."""

    column: str | None
    first: str
    last: str


class Injected(msgspec.Struct, frozen=True):
    """A change that was put into rows [`first_row`, `end_row`), from `full_row` on entirely. `outcome`: found, missed,
    or standing (an alert from before still stood). Late: up to the end of the block that showed it."""

    kind: str
    signals: tuple[str, ...]
    first_row: int
    full_row: int
    end_row: int
    began: str
    outcome: str
    ended: str | None = None
    alert_id: str | None = None
    rows_late: int | None = None
    seconds_late: float | None = None
    onset_holds: bool | None = None
    resolved_rows_late: int | None = None


class TrialAlert(msgspec.Struct, frozen=True):
    """One alert over its life, `state` as it is at the end. Rows are those of the watched ones."""

    alert_id: str
    signal: str
    state: str
    explained: bool
    onset_row: int
    onset_rows: tuple[int, int]
    detected_row: int
    updated_rows: tuple[int, ...]
    resolved_row: int | None
    changes: tuple[Alert, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Rows are watched rows, from 0; the first of them is row `first_row` of the file, in order of time. `rejected`
    counts dead letters by reason: rows that the model's pipeline refuses, and that drift does not see."""

    data: str
    model: str | None
    version: str | None
    reference: Reference
    rows: int
    first_row: int
    times: Times
    rejected: Mapping[str, int]
    blocks: int
    block_events: int
    block_ms: int
    late_events: int
    signals: tuple[str, ...]
    seed: int
    injected: tuple[Injected, ...]
    alerts: tuple[TrialAlert, ...]

    @property
    def unexplained(self) -> list[TrialAlert]:
        return [alert for alert in self.alerts if not alert.explained]


@dataclass(frozen=True, slots=True)
class Trial:
    """The report, and what only a picture needs: what every block showed, and the times of the watched rows."""

    report: Report
    watched: Watched
    times_ms: NDArray[np.int64]


def injected_of(verdicts: Sequence[Verdict], times_ms: NDArray[np.int64], *, timed: bool) -> tuple[Injected, ...]:
    """`timed`: seconds mean something."""
    return tuple(_injected(verdict, times_ms, timed=timed) for verdict in verdicts)


def alerts_of(
    lives: Sequence[AlertLife], not_explained: Sequence[AlertLife], times_ms: NDArray[np.int64]
) -> tuple[TrialAlert, ...]:
    return tuple(
        TrialAlert(
            alert_id=life.firing.alert_id,
            signal=life.signal,
            state=life.latest.state,
            explained=life not in not_explained,
            onset_row=row_at(times_ms, life.onset_ms),
            onset_rows=(row_at(times_ms, life.onset_interval_ms[0]), row_at(times_ms, life.onset_interval_ms[1])),
            detected_row=row_at(times_ms, life.detected_ms),
            updated_rows=tuple(
                row_at(times_ms, in_ms(change.detected_at)) for change in life.changes if change.state == "updated"
            ),
            resolved_row=None if life.resolved_ms is None else row_at(times_ms, life.resolved_ms),
            changes=life.changes,
        )
        for life in lives
    )


def _injected(verdict: Verdict, times_ms: NDArray[np.int64], *, timed: bool) -> Injected:
    episode, detected, resolved = verdict.episode, verdict.detected_ms, verdict.resolved_ms
    return Injected(
        kind=episode.kind,
        signals=episode.signals,
        first_row=episode.first_row,
        full_row=episode.full_row,
        end_row=episode.end_row,
        began=rfc3339(episode.began_ms),
        ended=None if episode.ended_ms is None else rfc3339(episode.ended_ms),
        outcome=verdict.outcome,
        alert_id=None if verdict.life is None else verdict.life.firing.alert_id,
        rows_late=verdict.rows_late,
        seconds_late=(detected - episode.began_ms) / 1000 if timed and detected is not None else None,
        onset_holds=verdict.onset_holds,
        resolved_rows_late=None if resolved is None else row_at(times_ms, resolved) - episode.end_row,
    )
