"""Bounds of parameters that River takes as they come, and then divides by, never fires or aborts on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from river.drift import ADWIN, KSWIN, PageHinkley
from river.drift.binary import DDM, EDDM, FHDDM, HDDMA, HDDMW

from drift.detectors.contract import Factory


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `low` to `high`."""

    low: int
    high: int

    def holds(self, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"a whole number from {self.low} to {self.high}"


@dataclass(frozen=True, slots=True)
class Between:
    """A number between `low` and `high`, or one of these with `ends`."""

    low: float
    high: float
    ends: bool = False

    def holds(self, value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        return self.low < value < self.high or (self.ends and value in (self.low, self.high))

    def __str__(self) -> str:
        if self.ends:
            return f"a number from {self.low:g} to {self.high:g}"
        return f"a number above {self.low:g} and below {self.high:g}"


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false: River takes any text for true."""

    def holds(self, value: Any) -> bool:
        return isinstance(value, bool)

    def __str__(self) -> str:
        return "true or false"


Bound: TypeAlias = Whole | Between | Flag

_SHARE = Between(0, 1)
_POSITIVE = Between(0, 1e6)
_COUNT = Whole(1, 1_000_000)
_WINDOW = Whole(2, 1_000)  # what a detector keeps, so a bound of memory and of snapshots
_CONFIDENCES: Mapping[str, Bound] = {"drift_confidence": _SHARE, "warning_confidence": _SHARE, "two_sided_test": Flag()}

BOUNDS: Mapping[type, Mapping[str, Bound]] = {
    ADWIN: {
        "delta": _SHARE,
        "clock": _COUNT,
        "max_buckets": Whole(1, 100),
        "min_window_length": _COUNT,
        "grace_period": _COUNT,
    },
    PageHinkley: {
        "min_instances": _COUNT,
        "delta": Between(0, 1e6, ends=True),
        "threshold": _POSITIVE,
        "alpha": Between(0, 1, ends=True),
    },
    KSWIN: {"alpha": _SHARE, "window_size": _WINDOW, "stat_size": _WINDOW, "seed": Whole(0, 2**63 - 1)},
    DDM: {"warm_start": _COUNT, "warning_threshold": _POSITIVE, "drift_threshold": _POSITIVE},
    EDDM: {"warm_start": _COUNT, "alpha": _SHARE, "beta": _SHARE},
    HDDMA: _CONFIDENCES,
    HDDMW: {**_CONFIDENCES, "lambda_val": _SHARE},
    FHDDM: {"sliding_window_size": _WINDOW, "short_window_size": _WINDOW, "confidence_level": _SHARE},
}


def check_bounds(factory: Factory, parameters: Mapping[str, object]) -> None:
    """Raises ValueError. A detector of one's own checks its parameters itself."""
    for detector, bounds in BOUNDS.items():
        if isinstance(factory, type) and issubclass(factory, detector):
            for name in sorted(bounds.keys() & parameters.keys()):
                if not bounds[name].holds(parameters[name]):
                    raise ValueError(f"{name} is {parameters[name]!r}, it must be {bounds[name]}")
