"""The two summaries that an alert sets side by side, in the signal's own units."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from drift.alert import Histogram, Summary, rfc3339
from drift.baseline import Baseline
from drift.cells import ABOVE, BELOW, FIRST_BIN, FIRST_CATEGORY, NULLS, UNSEEN
from drift.classes import class_groups
from drift.joint import JointReference
from drift.measures import moments
from drift.phases import Sample
from drift.profile import QUANTILES, CategoryReference, ReferenceProfile, WatchedReference
from drift.volume import EVENTS, VolumeReference


def baseline_summary(signal: WatchedReference, baseline: Baseline) -> Summary:
    """The signal in the events that people accepted as its reference, or that it was learned from."""
    summary = current_summary(signal, baseline.sample)
    return replace(summary, rebaselined_at=rfc3339(baseline.at)) if baseline.by else summary


def reference_summary(signal: WatchedReference, profile: ReferenceProfile) -> Summary:
    """The signal in training."""
    from_time = None if profile.first_ms is None else rfc3339(profile.first_ms)
    to_time = None if profile.last_ms is None else rfc3339(profile.last_ms)
    if isinstance(signal, JointReference):
        correlations = dict(zip(signal.pair_names, signal.correlations, strict=True))
        return Summary(signal.rows, 0.0, correlations=correlations, from_time=from_time, to_time=to_time)
    if isinstance(signal, VolumeReference):
        return Summary(0, 0.0, window_s=signal.window_ms / 1000)  # training does not tell
    null_rate = _rate(signal.nulls, signal.rows)
    present = signal.rows - signal.nulls
    if isinstance(signal, CategoryReference):
        return Summary(
            n=signal.rows,
            null_rate=null_rate,
            unseen_rate=_rate(signal.unseen, present),
            shares=_shares(signal, signal.counts, present),
            from_time=from_time,
            to_time=to_time,
        )
    names = (f"p{q * 100:g}" for q in QUANTILES)
    return Summary(
        n=signal.rows,
        null_rate=null_rate,
        mean=signal.mean if present else None,
        sd=signal.sd if present else None,
        out_of_range_rate=_rate(signal.below + signal.above, present),
        histogram=Histogram(signal.edges, signal.counts),
        quantiles=dict(zip(names, signal.quantiles, strict=True)) if signal.quantiles else None,
        from_time=from_time,
        to_time=to_time,
    )


def current_summary(signal: WatchedReference, current: Sample) -> Summary:
    """The signal in the blocks that an alert is about."""
    cells, events = current.cells, current.events
    from_time, to_time = rfc3339(current.start), rfc3339(current.end)
    if isinstance(signal, JointReference):
        found = (signal.correlation(pair, cells, events) for pair in range(len(signal.correlations)))
        correlations = dict(zip(signal.pair_names, found, strict=True))
        return Summary(events, 0.0, correlations=correlations, from_time=from_time, to_time=to_time)
    if isinstance(signal, VolumeReference):
        return Summary(
            n=cells.get(EVENTS, 0),
            null_rate=0.0,
            per_window=_rate(cells.get(EVENTS, 0), events),
            window_s=signal.window_ms / 1000,
            from_time=from_time,
            to_time=to_time,
        )
    null_rate = _rate(cells.get(NULLS, 0), events)
    present = events - cells.get(NULLS, 0)
    if isinstance(signal, CategoryReference):
        counts = [cells.get(FIRST_CATEGORY + index, 0) for index in range(len(signal.counts))]
        return Summary(
            n=events,
            null_rate=null_rate,
            unseen_rate=_rate(cells.get(UNSEEN, 0), present),
            shares=_shares(signal, counts, present),
            from_time=from_time,
            to_time=to_time,
        )
    n, mean, sd = moments(cells, events)
    counts = [cells.get(FIRST_BIN + index, 0) for index in range(len(signal.counts))]
    return Summary(
        n=events,
        null_rate=null_rate,
        mean=signal.mean + mean * signal.scale if n else None,
        sd=sd * signal.scale if n else None,
        out_of_range_rate=_rate(cells.get(BELOW, 0) + cells.get(ABOVE, 0), present),
        histogram=Histogram(signal.edges, tuple(counts)),
        from_time=from_time,
        to_time=to_time,
    )


def _shares(signal: CategoryReference, counts: Sequence[int], n: int) -> dict[str, float]:
    """Of the classes that are told apart, and of all others together."""
    return {label: _rate(sum(counts[index] for index in classes), n) for label, classes in class_groups(signal)}


def _rate(count: int, n: int) -> float:
    return count / n if n else 0.0
