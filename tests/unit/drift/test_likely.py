"""The sentence that says where to look, for changes as broken sources make them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.unit.drift.streaming import COLOUR, FIXED, SIZE, rows, stream

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
