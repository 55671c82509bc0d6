"""How scores become probabilities that hold, as the manifest keeps it. Pure; `models.calibrating` applies it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

Method: TypeAlias = Literal["sigmoid", "isotonic", "temperature"]

METHODS_FOR: Mapping[str, tuple[Method, ...]] = {"binary": ("sigmoid", "isotonic"), "multiclass": ("temperature",)}
"""By task; a regression has none."""

LARGEST = 1000.0
"""Of slope and intercept. Beyond, every score is 0 or 1."""

LEAST_TEMPERATURE, LARGEST_TEMPERATURE = 0.01, 100.0


class Sigmoid(msgspec.Struct, frozen=True, tag_field="method", tag="sigmoid", forbid_unknown_fields=True):
    """Platt scaling: `slope` times the log-odds of the score plus `intercept` are the log-odds of the probability."""

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        if not 0.0 < self.slope <= LARGEST:
            raise ValueError(f"a slope lies above 0 and up to {LARGEST:g}, not at {self.slope}")
        if not abs(self.intercept) <= LARGEST:
            raise ValueError(f"an intercept lies in -{LARGEST:g} to {LARGEST:g}, not at {self.intercept}")


class Isotonic(msgspec.Struct, frozen=True, tag_field="method", tag="isotonic", forbid_unknown_fields=True):
    """Breakpoints, straight lines between them, and the first or last probability outside them."""

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.scores) != len(self.probabilities) or len(self.scores) < 2:
            raise ValueError(
                f"isotonic has two breakpoints or more, not {len(self.scores)} scores "
                f"and {len(self.probabilities)} probabilities"
            )
        if not all(0.0 <= number <= 1.0 for number in (*self.scores, *self.probabilities)):
            raise ValueError("scores and probabilities of breakpoints lie in 0 to 1")
        for (low, below), (high, above) in itertools.pairwise(zip(self.scores, self.probabilities, strict=True)):
            if low >= high:
                raise ValueError(f"scores of breakpoints rise, but {high} follows {low}")
            if below > above:
                raise ValueError(f"probabilities of breakpoints never fall, but {above} follows {below}")
            if not math.isfinite((above - below) / (high - low)):
                raise ValueError(f"breakpoints at {low} and {high} are too near to each other")
        if self.probabilities[0] == self.probabilities[-1]:
            raise ValueError("probabilities of breakpoints rise somewhere")


class Temperature(msgspec.Struct, frozen=True, tag_field="method", tag="temperature", forbid_unknown_fields=True):
    """The logarithms of all probabilities are divided by `temperature`: above 1 the model is made less sure."""

    temperature: float

    def __post_init__(self) -> None:
        if not LEAST_TEMPERATURE <= self.temperature <= LARGEST_TEMPERATURE:
            raise ValueError(
                f"a temperature lies in {LEAST_TEMPERATURE:g} to {LARGEST_TEMPERATURE:g}, not at {self.temperature}"
            )


Calibration: TypeAlias = Sigmoid | Isotonic | Temperature

KINDS: Mapping[Method, type[Calibration]] = {"sigmoid": Sigmoid, "isotonic": Isotonic, "temperature": Temperature}


def method_of(calibration: Calibration) -> Method:
    return next(method for method, kind in KINDS.items() if isinstance(calibration, kind))


def check_method(method: Method, task: str) -> None:
    """Raises ValueError where the method does not calibrate what answers the task."""
    possible = METHODS_FOR.get(task, ())
    if method not in possible:
        instead = f"calibrated by {' or '.join(possible)}" if possible else "not calibrated"
        raise ValueError(f"{method} does not fit: a {task} model is {instead}")
