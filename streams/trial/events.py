"""Coded rows back to events, as a producer would send them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from drift.profile import SignalSpec

NEW_CATEGORY = "never seen"


class EventEncoder:
    """Writes rows (n x specs, coded as drift.profile says) as JSON. A category that is not in `specs`, nor in `taken`,
    gets a name that none of them has."""

    def __init__(self, specs: Sequence[SignalSpec], taken: Collection[str] = ()) -> None:
        self._names = [spec.name for spec in specs]
        self._decode = [_Values(spec, taken) for spec in specs]

    def features(self, matrix: NDArray[np.float64]) -> list[dict[str, Any]]:
        """The features of each row by name; null for NaN."""
        columns = [decode(column.tolist()) for decode, column in zip(self._decode, matrix.T, strict=True)]
        return [dict(zip(self._names, row, strict=True)) for row in zip(*columns, strict=True)]

    def events(self, ids: Iterable[str], times_ms: Iterable[int], matrix: NDArray[np.float64]) -> list[bytes]:
        """One event a row."""
        rows = zip(ids, times_ms, self.features(matrix), strict=True)
        return [msgspec.json.encode({"id": id_, "time": time, "features": features}) for id_, time, features in rows]


class _Values:
    """The values that a column's codes stand for."""

    def __init__(self, spec: SignalSpec, taken: Collection[str]) -> None:
        self._spec = spec
        self._new = NEW_CATEGORY
        while self._new in spec.categories or self._new in taken:
            self._new += "!"

    def __call__(self, codes: list[float]) -> list[Any]:
        match self._spec.kind:
            case "number":
                return [None if code != code else code for code in codes]  # noqa: PLR0124  # NaN, faster than isnan
            case "boolean":
                return [None if code != code else code > 0 for code in codes]  # noqa: PLR0124  # the same
            case "category":
                named = {float(index): name for index, name in enumerate(self._spec.categories)}
                return [None if code != code else named.get(code, self._new) for code in codes]  # noqa: PLR0124
