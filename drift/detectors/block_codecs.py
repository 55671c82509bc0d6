"""PageHinkley and KSWIN for block values, with the codec of each."""

from __future__ import annotations

import collections
from typing import Any

import msgspec
from river.drift import KSWIN

from drift.detectors.coded import Codec
from drift.detectors.numbers import finite, infinite, mean_of


class _PageHinkley(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    n: float
    mean: float
    sum_increase: float
    sum_decrease: float
    min_increase: float | None
    max_decrease: float


def _read_page_hinkley(detector: Any) -> _PageHinkley:
    return _PageHinkley(
        detector._x_mean.n,
        detector._x_mean.get(),
        detector._sum_increase,
        detector._sum_decrease,
        finite(detector._min_increase),
        float(detector._max_decrease),
    )


def _write_page_hinkley(detector: Any, form: _PageHinkley) -> None:
    detector._x_mean = mean_of(form.n, form.mean)
    detector._sum_increase, detector._sum_decrease = form.sum_increase, form.sum_decrease
    detector._min_increase, detector._max_decrease = infinite(form.min_increase), form.max_decrease


def _page_hinkley_reading(detector: Any) -> tuple[float, float]:
    rise = detector._sum_increase - detector._min_increase
    fall = detector._max_decrease - detector._sum_decrease
    return float(max(rise, fall)), float(detector.threshold)


PAGE_HINKLEY = Codec(1, _PageHinkley, _read_page_hinkley, _write_page_hinkley, _page_hinkley_reading)
"""Page 1954. Its threshold is in units of the values: of block values, whose variance is about 1, it means the same for
all signals."""


class SeededKswin(KSWIN):
    """KSWIN (Raab, Heusinger and Schleif 2020) whose draws depend on the seed and the count of values only, so that a
    restore needs no state of a random number generator."""

    def __init__(self, alpha: float = 0.005, window_size: int = 100, stat_size: int = 30, seed: int = 1) -> None:
        if not 0 < stat_size <= window_size // 2:
            raise ValueError(f"stat_size is {stat_size}, it must be from 1 to half of window_size ({window_size})")
        self._own_seed = seed
        super().__init__(alpha=alpha, window_size=window_size, stat_size=stat_size, seed=seed)

    def update(self, x: float) -> None:
        self._rng.seed(self._own_seed * 2**64 + self.n)
        super().update(x)  # type: ignore[no-untyped-call]  # River carries no types


class _Kswin(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    n: int
    p_value: float
    window: tuple[float, ...]


def _write_kswin(detector: Any, form: _Kswin) -> None:
    detector.n, detector.p_value = form.n, form.p_value
    detector.window = collections.deque(form.window, maxlen=detector.window_size)


SEEDED_KSWIN = Codec(
    1,
    _Kswin,
    lambda detector: _Kswin(detector.n, float(detector.p_value), tuple(detector.window)),
    _write_kswin,
    lambda detector: (float(detector.p_value), float(detector.alpha)),
)
