"""HDDM_W and FHDDM for the error stream, with the codec of each. A rise of the error is a change; so is a fall for
HDDM_W with `two_sided_test`."""

from __future__ import annotations

import collections
from typing import Any

import msgspec
from river.drift.binary import FHDDM
from river.drift.binary.hddm_w import SampleInfo

from drift.detectors.coded import Codec
from drift.detectors.numbers import finite, infinite


class _Sample(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    ewma: float
    ibc: float
    begun: bool


class _Hddmw(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    samples: tuple[_Sample, _Sample, _Sample, _Sample, _Sample]
    incr_cutpoint: float | None
    decr_cutpoint: float | None
    warning: bool


_SAMPLES = ("_total", "_s1_decr", "_s1_incr", "_s2_decr", "_s2_incr")


def _read_hddmw(detector: Any) -> _Hddmw:
    total, s1_decr, s1_incr, s2_decr, s2_incr = (
        _Sample(sample.ewma, sample._ibc, sample._is_init) for sample in (getattr(detector, name) for name in _SAMPLES)
    )
    return _Hddmw(
        (total, s1_decr, s1_incr, s2_decr, s2_incr),
        finite(detector._incr_cutpoint),
        finite(detector._decr_cutpoint),
        bool(detector._warning_detected),
    )


def _write_hddmw(detector: Any, form: _Hddmw) -> None:
    for name, rest in zip(_SAMPLES, form.samples, strict=True):
        sample = SampleInfo(detector.lambda_val)
        if rest.begun:
            sample._ewma.update(rest.ewma)  # the first value becomes the average as it is
        sample._ibc, sample._is_init = rest.ibc, rest.begun
        setattr(detector, name, sample)
    detector._incr_cutpoint = infinite(form.incr_cutpoint)
    detector._decr_cutpoint = infinite(form.decr_cutpoint, -1)
    detector._warning_detected = form.warning


HDDM_W_CODEC = Codec(1, _Hddmw, _read_hddmw, _write_hddmw)
"""Frías-Blanco et al. 2015, by exponentially weighted averages."""


class RisingFhddm(FHDDM):
    """FHDDM (Pesaranghader and Viktor 2016) fed 1 for an error: River's fires when the share of ones falls."""

    def __init__(
        self,
        sliding_window_size: int = 100,
        confidence_level: float = 0.000001,
        short_window_size: int | None = None,
    ) -> None:
        if short_window_size is not None and not 0 < short_window_size <= sliding_window_size:
            raise ValueError(f"short_window_size is {short_window_size}, it must be from 1 to {sliding_window_size}")
        super().__init__(sliding_window_size, confidence_level, short_window_size)

    def update(self, x: float) -> None:
        super().update(1 - x)  # type: ignore[no-untyped-call]  # River carries no types


class _Fhddm(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    window: tuple[float, ...]
    ones: float
    greatest: float
    short_greatest: float


def _read_fhddm(detector: Any) -> _Fhddm:
    window = tuple(detector._sliding_window)
    return _Fhddm(window, float(detector.n_one), float(detector._u_max), float(getattr(detector, "_u_short_max", 0)))


def _write_fhddm(detector: Any, form: _Fhddm) -> None:
    detector._sliding_window = collections.deque(form.window, maxlen=detector.sliding_window_size)
    detector.n_one, detector._u_max = form.ones, form.greatest
    if detector.short_window_size is not None:
        detector._u_short_max = form.short_greatest


FHDDM_CODEC = Codec(1, _Fhddm, _read_fhddm, _write_fhddm)
