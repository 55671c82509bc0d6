"""DDM, EDDM and HDDM_A for the error stream, with the codec of each. A rise of the error is a change; so is a fall for
HDDM_A with `two_sided_test`."""

from __future__ import annotations

from typing import Any

import msgspec
from river import stats

from drift.detectors.coded import Codec
from drift.detectors.numbers import finite, infinite, mean_of


class _Ddm(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    n: float
    mean: float
    p_min: float | None
    s_min: float | None
    ps_min: float | None
    warning: bool


def _read_ddm(detector: Any) -> _Ddm:
    least = finite(detector._ps_min)
    return _Ddm(
        detector._p.n, detector._p.get(), detector._p_min, detector._s_min, least, bool(detector._warning_detected)
    )


def _write_ddm(detector: Any, form: _Ddm) -> None:
    detector._p = mean_of(form.n, form.mean)
    detector._p_min, detector._s_min, detector._ps_min = form.p_min, form.s_min, infinite(form.ps_min)
    detector._warning_detected = form.warning


DDM_CODEC = Codec(1, _Ddm, _read_ddm, _write_ddm)
"""Gama et al. 2004."""


class _Eddm(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    distances: tuple[float, float, float]
    n: int
    last_error: int
    errors: int
    greatest: float
    warning: bool


def _read_eddm(detector: Any) -> _Eddm:
    distances = detector._error_distances
    return _Eddm(
        (distances.mean.n, distances.mean.get(), distances._S),
        detector._n,
        detector._last_error,
        detector._n_errors,
        float(detector._p2s_prime_max),
        bool(detector._warning_detected),
    )


def _write_eddm(detector: Any, form: _Eddm) -> None:
    n, mean, squares = form.distances
    distances = stats.Var()
    distances.mean, distances._S = mean_of(n, mean), squares
    detector._error_distances = distances
    detector._n, detector._last_error, detector._n_errors = form.n, form.last_error, form.errors
    detector._p2s_prime_max, detector._warning_detected = form.greatest, form.warning


EDDM_CODEC = Codec(1, _Eddm, _read_eddm, _write_eddm)
"""Baena-García et al. 2006."""


class _Hddma(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    least: tuple[float, float]
    greatest: tuple[float, float]
    total: tuple[float, float]
    warning: bool


def _read_hddma(detector: Any) -> _Hddma:
    least, greatest, total = ((mean.n, mean.get()) for mean in (detector._x_min, detector._x_max, detector._z))
    return _Hddma(least, greatest, total, bool(detector._warning_detected))


def _write_hddma(detector: Any, form: _Hddma) -> None:
    detector._x_min, detector._x_max = mean_of(*form.least), mean_of(*form.greatest)
    detector._z, detector._warning_detected = mean_of(*form.total), form.warning


HDDM_A_CODEC = Codec(1, _Hddma, _read_hddma, _write_hddma)
"""Frías-Blanco et al. 2015, by averages."""
