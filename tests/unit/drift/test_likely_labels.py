"""The sentence about labels that on-call reads first."""

from __future__ import annotations

import pytest

from drift.likely_labels import likely_of_labels


@pytest.mark.parametrize(
    ("metric", "before", "now", "told"),
    [
        ("error", {"false": 0.9, "true": 0.1}, {"false": 0.6, "true": 0.4}, "wrong more often: 40.0% instead of 10.0%"),
        ("error", {"false": 0.6, "true": 0.4}, {"false": 0.9, "true": 0.1}, "wrong less often"),
        (
            "error",
            {"up to 0.1 sd": 1.0},
            {"up to 2 sd": 0.6, "up to 0.1 sd": 0.4},
            "mostly up to 2 sd, before up to 0.1 sd",
        ),
        (
            "error_by_label",
            {"(right)": 0.9, "a": 0.05, "b": 0.05},
            {"(right)": 0.7, "a": 0.05, "b": 0.25},
            "label is b",
        ),
        ("error_by_label", {"(right)": 0.7, "a": 0.3}, {"(right)": 0.9, "a": 0.1}, "wrong less often"),
        ("label_lag", {"1 min": 1.0}, {"6 h": 0.8, "1 min": 0.2}, "within 6 h, before within 1 min"),
        ("label_lag", {"before": 1.0}, {"longer": 1.0}, "later than 7 days, before before their events"),
        ("label_coverage", {"labelled": 0.9}, {"labelled": 0.5}, "fewer answers get a label: 50% instead of 90%"),
        ("label", {"a": 1.0}, {"b": 1.0}, ""),
    ],
)
def test_it_says_what_changed(metric: str, before: dict[str, float], now: dict[str, float], told: str) -> None:
    assert told in likely_of_labels(metric, before, now)
    assert bool(told) == bool(likely_of_labels(metric, before, now))
