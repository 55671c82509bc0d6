"""The detectors of the table: plain River fed value by value and feature by feature, and two that bound it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from river.drift import ADWIN, KSWIN, PageHinkley
from river.drift.binary import DDM, HDDMA, HDDMW

from benchmarks.drift.scoring import Mark
from benchmarks.drift.weir import Weir
from benchmarks.drift.weir_outcomes import WeirOnErrors
from drift.scenarios import Rows

EVERY = 100
KSWIN_VALUES, KSWIN_TRIALS, KSWIN_SEED = 4_000, 3, 1


class Run(Protocol):
    """A detector at work on one stream."""

    def feed(self, rows: Rows) -> list[Mark]:
        """Take the next rows; what it said, with rows counted from the first that it was fed."""
        ...

    def finish(self) -> list[Mark]:
        """What it still has to say."""
        ...


@dataclass(frozen=True, slots=True)
class Contender:
    """How a detector is started, from the reference rows. `most_values` and `most_trials` bound a slow one."""

    start: Callable[[Rows], Run]
    resolves: bool = False
    most_values: int | None = None
    most_trials: int | None = None


class PerValue:
    """One River detector a signal. Nulls are left out, as a user would."""

    def __init__(self, make: Callable[[], Any], reference: Rows) -> None:
        self._signals = reference.keys
        self._detectors = [make() for _ in self._signals]
        self._seen = 0

    def feed(self, rows: Rows) -> list[Mark]:
        marks: list[Mark] = []
        for signal, detector, column in zip(self._signals, self._detectors, rows.matrix.T, strict=True):
            known = np.flatnonzero(~np.isnan(column))
            update = detector.update
            for row, value in zip(known.tolist(), column[known].tolist(), strict=True):
                update(value)
                if detector.drift_detected:
                    marks.append(Mark(self._seen + row + 1, signal))
        self._seen += len(rows)
        return marks

    def finish(self) -> list[Mark]:
        return []


class Always:
    """An alarm on every signal each `EVERY` rows, whatever they hold."""

    def __init__(self, reference: Rows) -> None:
        self._signals = reference.keys
        self._seen = 0

    def feed(self, rows: Rows) -> list[Mark]:
        before, self._seen = self._seen, self._seen + len(rows)
        due = range(before - before % EVERY + EVERY, self._seen + 1, EVERY)
        return [Mark(seen, signal) for seen in due for signal in self._signals]

    def finish(self) -> list[Mark]:
        return []


class Never:
    """No alarm."""

    def __init__(self, _reference: Rows) -> None:
        pass

    def feed(self, _rows: Rows) -> list[Mark]:
        return []

    def finish(self) -> list[Mark]:
        return []


def _river(make: Callable[[], Any]) -> Contender:
    return Contender(partial(PerValue, make))


def _kswin() -> KSWIN:
    return KSWIN(seed=KSWIN_SEED)


YARDSTICK = "ADWIN"
WEIR = "Weir"
_BOUNDS = {"always": Contender(Always), "never": Contender(Never)}

ON_VALUES: Mapping[str, Contender] = {
    YARDSTICK: _river(ADWIN),
    "PageHinkley": _river(PageHinkley),
    "KSWIN": Contender(partial(PerValue, _kswin), most_values=KSWIN_VALUES, most_trials=KSWIN_TRIALS),
    **_BOUNDS,
    WEIR: Contender(Weir, resolves=True),
}

ON_ERRORS: Mapping[str, Contender] = {
    YARDSTICK: _river(ADWIN),
    "PageHinkley": _river(PageHinkley),
    "DDM": _river(DDM),
    "HDDM_A": _river(HDDMA),
    "HDDM_W": _river(HDDMW),
    **_BOUNDS,
    WEIR: Contender(WeirOnErrors, resolves=True),
}
