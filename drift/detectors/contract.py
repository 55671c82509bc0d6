"""What a detector must offer, what it answers, and its form at rest.

Every detector is deterministic, answers the same after a restore at any value, has copies that go their own way and
state of bounded size. It sees finite values only, and is replaced by a fresh one once it fired.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import msgspec


class ChangeDetector(Protocol):
    """What a detector of one's own must offer: River's interface. Deterministic: same values, same answers."""

    @property
    def drift_detected(self) -> bool: ...

    def update(self, x: float, /) -> object: ...


Factory: TypeAlias = Callable[..., ChangeDetector]


class Detection(msgspec.Struct, frozen=True):
    """A detector fired. `statistic` and `threshold` are its own, where it tells them."""

    name: str
    parameters: dict[str, float | int | str | bool]
    statistic: float | None = None
    threshold: float | None = None


class DetectorState(msgspec.Struct, frozen=True):
    """A detector at rest: `values` to replay, or `data` with its checksum in the form of one River version."""

    values: tuple[float, ...] = ()
    data: bytes = b""
    checksum: int = 0
    river: str = ""


class UnknownDetector(ValueError):
    """A detector was asked for by a name or with parameters that do not exist."""


class UnfitValue(ValueError):
    """A detector was given what its feed does not hold: not finite, or no 0 or 1 where errors are watched."""

    def __init__(self, detector: str, value: float, admits: str) -> None:
        self.detector = detector
        self.value = value
        super().__init__(f"{detector} was given {value}; it takes {admits}: mend what computes the value")


class Detector(Protocol):
    """A detector as the watch holds it. Once it fired it is replaced by a fresh one."""

    def update(self, value: float) -> Detection | None:
        """Raises UnfitValue."""

    def copy(self) -> Detector: ...

    def dump(self) -> DetectorState: ...
