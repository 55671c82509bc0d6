"""A trial: a reference, rows with injected changes, the watch over them, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from drift.alert import rfc3339
from drift.detectors import RIVER_DETECTORS, Factory
from drift.profile import ReferenceProfile, decode_profile
from drift.scenarios import Episode, Rows, Scenario, inject
from drift.settings import DriftSettings
from models.prepared_training import require_times
from streams.modelling import profile_of
from streams.pipeline import Pipeline
from streams.trial.answering import answer
from streams.trial.lives import lives_of
from streams.trial.reading import FileRows, cut, from_the_start, known_only, read_rows, recoded
from streams.trial.report import Reference, Report, Times, Trial, alerts_of, injected_of
from streams.trial.scoring import judge, unexplained
from streams.trial.watching import WatchedRows, watch_rows

REFERENCE_SHARE = 3
"""Without a word about it, one row in so many is the reference: the first ones."""

NO_MODEL = ("trial", "1")
"""Name and version that alerts bear where there is no model."""


class NoRowsLeft(Exception):
    """The reference would take all rows of the file, or none."""

    exit_code = 2

    def __init__(self, path: Path, rows: int, reference_rows: int) -> None:
        super().__init__(
            f"{path} has {rows} rows, of which {reference_rows} would be the reference; both it and what is watched"
            " need rows; fix: another --reference-rows, or a file of its own with --reference"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOptions:
    """`reference` is a file; else the first `reference_rows` rows of `data`, by default one in `REFERENCE_SHARE`, are
    the reference."""

    data: Path
    reference: Path | None = None
    reference_rows: int | None = None
    time: str | None = None
    columns: Sequence[str] | None = None
    scenarios: Sequence[Scenario] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is watched, against which profile."""

    model: str | None
    version: str | None
    profile: ReferenceProfile
    source: str
    watched: WatchedRows
    rejected: Mapping[str, int] = field(default_factory=dict)


def try_rows(
    options: TrialOptions, settings: DriftSettings, detectors: Mapping[str, Factory] = RIVER_DETECTORS
) -> Trial:
    """Watch the signals of the file itself. Raises ModelError, NoRowsLeft, ScenarioError, UnknownDetector."""
    step_ms = settings.block_ms / settings.block_events
    if options.reference is not None:
        before = read_rows(options.reference, time=options.time, columns=options.columns, step_ms=step_ms)
        names = [spec.name for spec in before.rows.specs]
        found = read_rows(options.data, time=options.time, columns=names, step_ms=step_ms)
        reference, rows, first, source = before.rows, found.rows, 0, str(options.reference)
    else:
        found = read_rows(options.data, time=options.time, columns=options.columns, step_ms=step_ms)
        first = options.reference_rows or len(found.rows) // REFERENCE_SHARE
        if not 0 < first < len(found.rows):
            raise NoRowsLeft(options.data, len(found.rows), first)
        reference, rows = known_only(cut(found.rows, 0, first)), cut(found.rows, first, len(found.rows))
        rows = rows if found.timed else from_the_start(rows)
        source = f"the first rows of {options.data}"
    times = reference.times_ms if found.timed else None
    profile = profile_of(reference.specs, reference.matrix, times, where=source)
    injected = inject(options.scenarios, rows, options.seed)
    changed = recoded(injected.rows, reference.specs, str(options.data))
    watched = WatchedRows(changed.matrix, changed.times_ms, np.arange(len(changed)))
    subject = _Subject(None, None, profile, source, watched)
    return _judged(options, settings, detectors, subject, found, rows, injected.episodes, first)


def try_model(
    options: TrialOptions,
    settings: DriftSettings,
    pipeline: Pipeline,
    reference: bytes,
    detectors: Mapping[str, Factory] = RIVER_DETECTORS,
) -> Trial:
    """Watch a model's features and answers against the profile that it was added with. Raises ModelError,
    ProfileError, ScenarioError, UnknownDetector."""
    model = pipeline.model
    step_ms = settings.block_ms / settings.block_events
    found = read_rows(options.data, time=options.time, columns=model.schema.names, step_ms=step_ms)
    # Made-up times are for blocks only: no answer may follow from them.
    require_times(model.preparation.computed, found.rows.times_ms if found.timed else None, str(options.data))
    injected = inject(options.scenarios, found.rows, options.seed)
    answered = answer(pipeline, injected.rows)
    subject = _Subject(
        model.name,
        model.version,
        decode_profile(reference),
        f"the training rows of {model.name} {model.version}",
        answered.rows,
        answered.rejected,
    )
    return _judged(options, settings, detectors, subject, found, found.rows, injected.episodes, 0)


def _judged(
    options: TrialOptions,
    settings: DriftSettings,
    detectors: Mapping[str, Factory],
    subject: _Subject,
    found: FileRows,
    rows: Rows,
    episodes: Sequence[Episode],
    first_row: int,
) -> Trial:
    name, version = (subject.model, subject.version) if subject.model and subject.version else NO_MODEL
    watched = watch_rows(name, version, str(options.data), subject.profile, settings, subject.watched, detectors)
    times = rows.times_ms
    lives = lives_of(watched.alerts)
    report = Report(
        data=str(options.data),
        model=subject.model,
        version=subject.version,
        reference=Reference(subject.source, subject.profile.rows, subject.profile.id),
        rows=len(rows),
        first_row=first_row,
        times=Times(options.time, rfc3339(int(times[0])), rfc3339(int(times[-1]))),
        rejected=subject.rejected,
        blocks=len(watched.starts),
        block_events=settings.block_events,
        block_ms=settings.block_ms,
        late_events=watched.figures.late_events,
        signals=tuple(each.signal.key for each in watched.signals),
        seed=options.seed,
        injected=injected_of(judge(episodes, lives, times), times, timed=found.timed),
        alerts=alerts_of(lives, unexplained(episodes, lives), times),
    )
    return Trial(report, watched, times)
