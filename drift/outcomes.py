"""What labels tell about answers, as signals: how often the model is wrong, on what, and how labels come.

All are categories, so their layout is known before the first label is; what is usual among them is not, and is learned
from the first outcomes (drift.burn_in).
"""

from __future__ import annotations

from typing import Literal, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from drift.evidence import DAY_MS
from drift.profile import (
    BOOLEAN_CATEGORIES,
    FORMAT,
    CategoryReference,
    NumberReference,
    ReferenceProfile,
    Role,
    WatchedReference,
)

Stream: TypeAlias = Literal["outcomes", "coverage"]
STREAMS: tuple[Stream, ...] = ("outcomes", "coverage")

RIGHT = "(right)"
LAG_BOUNDS_S = (0, 1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800)
LAGS = ("before", "1 s", "10 s", "1 min", "10 min", "1 h", "6 h", "1 day", "7 days", "longer")
"""A label is known before its event's time, within so long after it, or later."""

ERROR_BOUNDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
ERRORS = (*(f"up to {bound:g} sd" for bound in ERROR_BOUNDS), "more")
"""Of a regression: |prediction - label| in standard deviations of the predictions in training."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def outcomes_layout(reference: ReferenceProfile) -> ReferenceProfile:
    """The signals of one outcome of the model with this reference, with nothing counted yet."""
    classes = classes_of(reference)
    lag = _blank("label_lag", "label", LAGS)
    if classes is None:
        return _profile(_blank("error", "error", ERRORS), lag)
    return _profile(
        _blank("error", "error", BOOLEAN_CATEGORIES),
        _blank("error_by_label", "error", (RIGHT, *classes)),
        _blank("label", "label", classes),
        lag,
    )


def coverage_layout() -> ReferenceProfile:
    """Of one answer that is waited for no longer: whether its label came."""
    return _profile(_blank("label_coverage", "label", ("missing", "labelled")))


def layout_of(stream: Stream, reference: ReferenceProfile) -> ReferenceProfile:
    return outcomes_layout(reference) if stream == "outcomes" else coverage_layout()


def classes_of(reference: ReferenceProfile) -> tuple[str, ...] | None:
    """Names of a classifier's classes; None of a regression."""
    for signal in reference.signals:
        if signal.role == "output" and isinstance(signal, CategoryReference):
            return signal.categories
    return None


def error_unit(reference: ReferenceProfile) -> float:
    """What one standard deviation of a regression's predictions is."""
    found = (s for s in reference.signals if s.role == "output" and isinstance(s, NumberReference))
    return next((signal.scale for signal in found), 1.0)


def classified(right: NDArray[np.bool_], labels: Integers, lags_ms: Integers) -> Floats:
    """n x 4, as `outcomes_layout` has it of a classifier; `labels` are places among its classes, -1 of another one."""
    by_label = np.where(right, 0, np.where(labels >= 0, labels + 1, -1))
    return np.column_stack((~right, by_label, labels, _lags(lags_ms))).astype(np.float64)


def regressed(errors: Floats, unit: float, lags_ms: Integers) -> Floats:
    """n x 2, as `outcomes_layout` has it of a regression; NaN where the label is no number."""
    sizes = np.searchsorted(ERROR_BOUNDS, np.abs(errors) / unit, side="left").astype(np.float64)
    return np.column_stack((np.where(np.isnan(errors), np.nan, sizes), _lags(lags_ms)))


def is_error(reference: WatchedReference) -> TypeGuard[CategoryReference]:
    """Whether it is the signal that tells how often, or how far, answers are wrong."""
    return isinstance(reference, CategoryReference) and (reference.role, reference.name) == ("error", "error")


def is_worse(reference: CategoryReference, classes: tuple[int, ...], size: float) -> bool:
    """Whether the share of some classes of the signal `error`, changed by `size`, means larger errors."""
    if reference.categories == BOOLEAN_CATEGORIES:
        return (size > 0) == (0 not in classes)
    usual = int(np.searchsorted(np.cumsum(reference.counts), sum(reference.counts) / 2))
    place = min(classes)  # of the usual one itself nobody can say where its share went
    return place != usual and (size > 0) == (place > usual)


def coarse_times(times_ms: Integers) -> Integers:
    """Event times as one record can hold them: to the second, the minute, the hour or the day where the newest is
    over ten seconds, a minute, an hour or a week later. The order stays."""
    if not len(times_ms):
        return times_ms
    ages = times_ms.max() - times_ms
    coarse = times_ms
    for width, above in ((1000, 10_000), (60_000, 60_000), (3_600_000, 3_600_000), (DAY_MS, 7 * DAY_MS)):
        coarse = np.where(ages >= above, times_ms // width * width, coarse)
    return coarse


def _lags(lags_ms: Integers) -> Integers:
    return np.searchsorted(np.array(LAG_BOUNDS_S, dtype=np.int64) * 1000, lags_ms, side="left")


def _blank(name: str, role: Role, categories: tuple[str, ...]) -> CategoryReference:
    return CategoryReference(
        name=name, role=role, rows=0, nulls=0, unseen=0, categories=categories, counts=(0,) * len(categories)
    )


def _profile(*signals: CategoryReference) -> ReferenceProfile:
    return ReferenceProfile(format=FORMAT, rows=0, signals=signals)
