"""A change of when labels come; the rows themselves stay."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import msgspec
import numpy as np

from drift.scenarios.rows import Floats, Rows, ScenarioError


class LabelDelay(msgspec.Struct, frozen=True):
    """Labels come `by` ms later than they would."""

    kind: ClassVar[str] = "label_delay"
    grows: ClassVar[bool] = True

    by: int

    def __post_init__(self) -> None:
        if self.by < 1:
            raise ScenarioError(f"by={self.by}, a delay is at least 1 ms")

    @property
    def signals(self) -> tuple[str, ...]:
        return ()

    def apply(self, rows: Rows, strength: Floats, _rng: np.random.Generator) -> Rows:
        known = rows.times_ms if rows.label_times_ms is None else rows.label_times_ms
        return replace(rows, label_times_ms=known + np.rint(self.by * strength).astype(np.int64))
