"""Parts of a time, in UTC."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.preprocessing.step import Given, Transform, Vector, require_numbers
from models.schema import Feature

Part = Literal["hour", "weekday", "day", "month"]

FIRST_AND_COUNT: Mapping[Part, tuple[int, int]] = {"hour": (0, 24), "weekday": (0, 7), "day": (1, 31), "month": (1, 12)}
"""Of each part: its least number, and after how many it comes round."""

EARLIEST_MS, LATEST_MS = -62_135_596_800_000, 253_402_300_799_999
"""The years 1 to 9999."""

_DAY_MS = 86_400_000


class TimePart(
    msgspec.Struct, frozen=True, tag_field="step", tag="time_part", forbid_unknown_fields=True, omit_defaults=True
):
    """The column `into`: of a column in ms since 1970-01-01T00:00Z, or of the event's own time (``@time``), the hour (0
    to 23), weekday (Monday is 0), day of the month (from 1) or month (from 1), all in UTC. As `sine` or `cosine` it is
    a place on a circle, where the last one is next to the first. A row whose time is outside the years 1 to 9999
    fails."""

    part: Part
    of: str
    into: str
    form: Literal["number", "sine", "cosine"] = "number"

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.of,)

    @property
    def is_fitted(self) -> bool:
        return True

    @property
    def changes(self) -> tuple[str, ...]:
        return ()

    def admitting(self, feature: Feature) -> Feature:
        return feature

    def gives(self, inputs: Sequence[Feature]) -> list[Given]:
        require_numbers(inputs)
        return [Given(Feature(self.into, nullable=inputs[0].nullable))]

    def fit(self, inputs: Sequence[Feature], values: Sequence[Vector]) -> Self:  # noqa: ARG002  the protocol's
        return self

    def transform(self, inputs: Sequence[Feature]) -> Transform:  # noqa: ARG002  the same
        table = self._table()

        def apply(columns: Sequence[Vector]) -> list[Vector]:
            times = columns[0]
            sound = (times >= EARLIEST_MS) & (times <= LATEST_MS)
            places = _places(self.part, np.floor(np.where(sound, times, 0.0)).astype(np.int64))
            return [np.where(sound, table[places], np.where(np.isnan(times), np.nan, np.inf))]

        return apply

    def _table(self) -> Vector:
        """Looked up, so that bits depend on nothing but the part."""
        first, count = FIRST_AND_COUNT[self.part]
        if self.form == "number":
            return np.arange(first, first + count, dtype=np.float64)
        turn = math.sin if self.form == "sine" else math.cos
        return np.array([turn(math.tau * place / count) for place in range(count)])


def _places(part: Part, times_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """The part of each time, from 0."""
    days = times_ms // _DAY_MS
    if part == "hour":
        return times_ms % _DAY_MS // 3_600_000
    if part == "weekday":
        return (days + 3) % 7  # 1970-01-01 was a Thursday
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    found = dates - months if part == "day" else months - dates.astype("datetime64[Y]").astype("datetime64[M]")
    places: NDArray[np.int64] = found.astype(np.int64)
    return places
