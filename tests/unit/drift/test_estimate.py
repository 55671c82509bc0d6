"""The accuracy that a model's own confidence foretells, and what labels teach it."""

from __future__ import annotations

import numpy as np
import pytest

from drift.estimate import Calibration


def answers(
    rng: np.random.Generator, n: int, low: float, trust: float, high: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Confidences from `low` to `high`, and whether answers are right: as often as they say, times `trust`."""
    confidences = rng.uniform(low, high, n)
    return confidences, rng.random(n) < confidences * trust


def test_without_labels_the_model_is_taken_at_its_word() -> None:
    assert Calibration().expected_right(np.array([0.9, 0.7, 0.5])) == pytest.approx(2.1)


@pytest.mark.parametrize("trust", [1.0, 0.8])
def test_labels_teach_it_what_a_confidence_is_worth(trust: float) -> None:
    rng = np.random.default_rng(1)
    calibration = Calibration().plus(*answers(rng, 20_000, 0.5, trust))
    # Other inputs, of which the model is less sure: the accuracy falls, and no label has come yet.
    confidences, right = answers(rng, 20_000, 0.5, trust, high=0.7)
    assert calibration.expected_right(confidences) / 20_000 == pytest.approx(right.mean(), abs=0.015)
    alone = Calibration().expected_right(confidences) / 20_000
    assert trust == 1.0 or abs(alone - right.mean()) > 0.1


def test_it_does_not_see_that_the_meaning_of_inputs_changed() -> None:
    rng = np.random.default_rng(2)
    calibration = Calibration().plus(*answers(rng, 20_000, 0.5, 1.0))
    confidences, right = answers(rng, 20_000, 0.5, 0.6)
    assert calibration.expected_right(confidences) / 20_000 - right.mean() > 0.2


def test_counts_add_up_in_any_order() -> None:
    rng = np.random.default_rng(3)
    first, second = answers(rng, 300, 0.5, 0.9), answers(rng, 500, 0.2, 0.7)
    assert Calibration().plus(*first).plus(*second) == Calibration().plus(*second).plus(*first)


def test_answers_without_a_confidence_say_nothing() -> None:
    unknown = np.array([np.nan, 0.5])
    assert Calibration().plus(unknown, np.array([True, True])) == Calibration().plus(unknown[1:], np.array([True]))
    assert Calibration().expected_right(unknown) == 0.5
