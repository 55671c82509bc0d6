"""A drift report of a file, as data: the object that `--json` prints, and what words and page are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from drift.alert import rfc3339
from drift.profile import ReferenceProfile
from drift.settings import DriftSettings
from streams.trial.against.measuring import FOUND, SignalReport, measure
from streams.trial.report import Reference


@dataclass(frozen=True, slots=True)
class ReportedRows:
    """`matrix` is n x signals of the model's profile; of answers alone the features are not known (NaN). `times_ms`
    rise, where the file has any. `rejected` counts rows that the pipeline refuses, by reason; `other_versions` those
    that another version than the model's answered; `duplicates` were left out, as answers of an id that had one."""

    matrix: NDArray[np.float64]
    times_ms: NDArray[np.int64] | None
    answers_only: bool
    rejected: Mapping[str, int] = field(default_factory=dict)
    other_versions: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 0


class DriftReport(msgspec.Struct, frozen=True, kw_only=True):
    """`rows` were measured, those that `other_versions` answered among them; `rejected` (by reason) would have become
    dead letters, and `duplicates` are answers of an id that had one. `answers_only`: the file holds the model's
    answers, not what it takes. `enough`: fewer rows than that tell nothing."""

    data: str
    model: str
    version: str
    reference: Reference
    rows: int
    rejected: dict[str, int]
    other_versions: dict[str, int]
    duplicates: int
    answers_only: bool
    enough: bool
    from_time: str | None
    to_time: str | None
    findings: list[str]
    signals: list[SignalReport]


def drift_report(
    data: str, model: str, version: str, profile: ReferenceProfile, settings: DriftSettings, rows: ReportedRows
) -> DriftReport:
    """Measure rows against the reference of a model version. Pure."""
    roles = ("output",) if rows.answers_only else ("feature", "output")
    count, times = len(rows.matrix), rows.times_ms
    signals = measure(profile, settings, rows.matrix, times, roles=roles) if count else []
    enough = count >= settings.fair_events
    return DriftReport(
        data=data,
        model=model,
        version=version,
        reference=Reference(f"the training rows of {model} {version}", profile.rows, profile.id),
        rows=count,
        rejected=dict(rows.rejected),
        other_versions=dict(rows.other_versions),
        duplicates=rows.duplicates,
        answers_only=rows.answers_only,
        enough=enough,
        from_time=None if times is None or not count else rfc3339(int(times[0])),
        to_time=None if times is None or not count else rfc3339(int(times[-1])),
        findings=[each.signal for each in signals if each.verdict in FOUND] if enough else [],
        signals=signals,
    )
