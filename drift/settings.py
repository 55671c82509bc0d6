"""What the operator can set about drift. Times in ms."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

import msgspec


class DetectorSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change detector by name, with its parameters."""

    name: str
    parameters: dict[str, float | int | str | bool] = {}


class SignalDetectors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The detectors of the signals whose key matches a pattern such as ``amount`` or ``metric/*``."""

    pattern: str
    detectors: tuple[DetectorSpec, ...]

    def matches(self, signal: str) -> bool:
        # A column may be called x[0], which matches x0 only.
        return signal == self.pattern or fnmatchcase(signal, self.pattern)


class DriftSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Blocks, lateness, detectors, and what counts as material.

    A block closes at `block_events` events or `block_ms`, whichever comes first. A change is material when a mean moves
    by `shift_sd` reference standard deviations, a rank correlation by `correlation_change`, the share of a class (or of
    values out of range) by `share_change`, the rate of nulls or unseen categories (or of other values in a constant
    signal) by `quality_change`.
    It becomes an alert after `persistence` blocks that show it, once the evidence is such that all signals of a model
    together raise one false alert in `false_page_days` at most. It resolves after `recovery` blocks that are back
    within half of what is material, and not while they are `clear` standard errors away.
    The first of `signals` that matches a signal's key chooses its detectors; where none does, `detectors` watch it.
    """

    block_events: int = 200
    block_ms: int = 1000
    allowed_lateness_ms: int = 5000
    max_hold_ms: int = 60_000
    detectors: tuple[DetectorSpec, ...] = (DetectorSpec("ADWIN", {"clock": 1}),)
    false_page_days: float = 30.0
    signals: tuple[SignalDetectors, ...] = ()
    shift_sd: float = 0.2
    share_change: float = 0.05
    correlation_change: float = 0.2
    quality_change: float = 0.02
    clear: float = 4.0
    persistence: int = 3
    recovery: int = 5
    volume_window_ms: int = 60_000
    """Events are counted in windows of so much event time, to see whether they become fewer or more; 0: not at all."""
    keep_late: bool = False
    """Count an event that comes after its slice has closed in the first that is open."""
    fair_events: int = 30
    """A block with fewer events is gathered with the next ones: a share among three events says nothing."""
    old_blocks: int = 1
    """Blocks that one remembered sample may hold when it is old: small blocks are to be remembered for as many events
    as large ones."""

    def __post_init__(self) -> None:
        counts = ("block_events", "block_ms", "persistence", "recovery")
        for name in (
            *counts,
            "false_page_days",
            "shift_sd",
            "share_change",
            "correlation_change",
            "quality_change",
            "clear",
        ):
            if getattr(self, name) <= 0:
                raise ValueError(f"drift.{name} is {getattr(self, name)}, it must be greater than 0")
        for name in ("allowed_lateness_ms", "max_hold_ms", "volume_window_ms"):
            if getattr(self, name) < 0:
                raise ValueError(f"drift.{name} is {getattr(self, name)}, it must not be negative")
        if not self.detectors:
            raise ValueError("drift.detectors is empty: name at least one, for example ADWIN")
        for chosen in self.signals:
            if not chosen.detectors:
                raise ValueError(f"drift.signals.{chosen.pattern!r} is empty: name at least one, for example ADWIN")

    def detectors_of(self, signal: str) -> tuple[DetectorSpec, ...]:
        """The detectors that watch the signal of this key."""
        return next((chosen.detectors for chosen in self.signals if chosen.matches(signal)), self.detectors)

    def unmatched(self, signals: Collection[str]) -> tuple[str, ...]:
        """The patterns that choose for none of these signals, most likely a slip of the pen."""
        return tuple(chosen.pattern for chosen in self.signals if not any(map(chosen.matches, signals)))

    @property
    def slice_ms(self) -> int:
        """Width of the event-time slices that workers count in: ten to a block."""
        return max(1, self.block_ms // 10)

    @property
    def window_ms(self) -> int:
        """Width of the windows that the volume is counted in: whole slices; 0: it is not watched."""
        return -(-self.volume_window_ms // self.slice_ms) * self.slice_ms

    @property
    def block_slices(self) -> int:
        """How many slices a block may span."""
        return max(1, self.block_ms // self.slice_ms)
