"""The sentence that says where to look, for changes as broken sources make them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from drift.profile import build_profile
from drift.settings import DriftSettings
from tests.unit.drift.streaming import COLOUR, FIXED, SIZE, SPECS, evenly, make_watch, one_partition, rows, run, stream

BEFORE = 6000


def dead(m: np.ndarray) -> None:
    m[:, SIZE] = 47.0


def unit(m: np.ndarray) -> None:
    m[:, SIZE] *= 1000


def default(m: np.ndarray) -> None:
    m[::2, SIZE] = 51.0


def higher(m: np.ndarray) -> None:
    m[:, SIZE] += 8


def wider(m: np.ndarray) -> None:
    m[:, SIZE] = 50 + (m[:, SIZE] - 50) * 1.6


def missing(m: np.ndarray) -> None:
    m[::3, SIZE] = math.nan


def other(m: np.ndarray) -> None:
    m[:, FIXED] = 8.0


def lost(m: np.ndarray) -> None:
    m[m[:, COLOUR] == 1, COLOUR] = 0


def new(m: np.ndarray) -> None:
    m[::4, COLOUR] = -1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (dead, "stands still"),
        (unit, "changed unit"),
        (default, "default value"),
        (higher, "whole distribution moved"),
        (wider, "spread wider"),
        (missing, "values are missing"),
        (other, "was constant"),
        (lost, "green came no more"),
        (new, "training did not have"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_likely_kind_is_the_one_that_was_made(change, says: str) -> None:
    matrix = rows(np.random.default_rng(5), 2 * BEFORE)
    change(matrix[BEFORE:])
    alerts, _ = stream(matrix)
    assert alerts and says in alerts[0].likely


def test_values_that_come_where_nulls_were_are_not_called_missing() -> None:
    held = rows(np.random.default_rng(0), 10_000)
    held[::3, SIZE] = math.nan
    profile, chosen, matrix = build_profile(SPECS, held), DriftSettings(), rows(np.random.default_rng(1), BEFORE)
    _, alerts, _ = run(make_watch(profile), one_partition(profile, chosen, evenly(BEFORE), matrix))
    assert alerts and alerts[0].evidence.statistic == "null_rate" and "filled in at last" in alerts[0].likely
