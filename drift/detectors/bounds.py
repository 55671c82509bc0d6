"""Bounds of parameters that River takes as they come, and then divides by, never fires or aborts on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from river.drift import ADWIN, KSWIN, PageHinkley
from river.drift.binary import DDM, EDDM, FHDDM, HDDMA, HDDMW

from drift.detectors.contract import Factory

Parameters = Mapping[str, float | int | str | bool]

_SHARE = (0.0, 1.0)
_ABOVE_ZERO = (0.0, float("inf"))
_COUNT = (0, 1_000_001)  # also a bound of the memory

_CONFIDENCES = {"drift_confidence": _SHARE, "warning_confidence": _SHARE}
_BOUNDS: Mapping[type, Mapping[str, tuple[float, float]]] = {
    ADWIN: {
        "delta": _SHARE,
        "clock": _COUNT,
        "max_buckets": _COUNT,
        "min_window_length": _COUNT,
        "grace_period": _COUNT,
    },
    PageHinkley: {"min_instances": _COUNT, "delta": _ABOVE_ZERO, "threshold": _ABOVE_ZERO, "alpha": _ABOVE_ZERO},
    KSWIN: {"alpha": _SHARE, "window_size": _COUNT, "stat_size": _COUNT},
    DDM: {"warm_start": _COUNT, "warning_threshold": _ABOVE_ZERO, "drift_threshold": _ABOVE_ZERO},
    EDDM: {"warm_start": _COUNT, "alpha": _SHARE, "beta": _SHARE},
    HDDMA: _CONFIDENCES,
    HDDMW: {**_CONFIDENCES, "lambda_val": _SHARE},
    FHDDM: {"sliding_window_size": _COUNT, "short_window_size": _COUNT, "confidence_level": _SHARE},
}
"""Between these, both excluded; counts are whole numbers."""


def check_bounds(factory: Factory, parameters: Parameters) -> None:
    """Raises ValueError. A detector of one's own checks its parameters itself."""
    for detector, bounds in _BOUNDS.items():
        if isinstance(factory, type) and issubclass(factory, detector):
            for name in sorted(bounds.keys() & parameters.keys()):
                _check(name, parameters[name], bounds[name])


def _check(name: str, value: object, bounds: tuple[float, float]) -> None:
    low, high = bounds
    number = isinstance(value, (int, float) if bounds is not _COUNT else int) and not isinstance(value, bool)
    if not number or not low < cast(float, value) < high:
        kind = "a whole number" if bounds is _COUNT else "a number"
        raise ValueError(f"{name} is {value!r}, it must be {kind} above {low:g} and below {high:g}")
