"""Rates between two records, whatever was folded together in them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.page.changes import change_between
from streams.page.figures import EVERY_MS, OTHERS, largest
from tests.unit.page.telling import figures

MODELS = {"churn": "1"}
SECONDS = EVERY_MS / 1000


def gains(before: dict[str, int], after: dict[str, int]) -> dict[str, float]:
    told = [figures(models=MODELS, classes={"churn": table}) for table in (before, after)]
    change = change_between(told[0], told[1], 0, EVERY_MS)
    return {name: rate * SECONDS for name, rate in change.classes["churn", "1"].items()}


def test_a_class_that_comes_among_the_largest_is_no_burst() -> None:
    before = largest({"a": 1000, "b": 900, "c": 800}, 2)
    after = largest({"a": 1000, "b": 900, "c": 1010}, 2)
    assert (before, after) == ({"a": 1000, OTHERS: 1700}, {"c": 1010, OTHERS: 1900})
    assert gains(before, after) == {"c": 0, OTHERS: 210}


classes = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 50), max_size=8)


@given(classes, classes, st.integers(2, 5))
def test_gains_add_up_to_what_was_answered(before: dict[str, int], more: dict[str, int], most: int) -> None:
    after = {name: before.get(name, 0) + more.get(name, 0) for name in {*before, *more}}
    found = gains(largest(before, most), largest(after, most))
    assert sum(found.values()) == pytest.approx(sum(more.values()))
    assert all(gain <= sum(more.values()) + 1e-9 for gain in found.values())


def test_a_time_in_which_another_version_took_over_is_of_neither() -> None:
    told = [
        figures(models={"churn": version}, classes={"churn": {"yes": count}}, scores={"churn": (count, 0)})
        for version, count in (("2", 10), ("2", 20), ("1", 30), ("1", 45))
    ]
    changes = [change_between(*pair, 0, EVERY_MS) for pair in itertools.pairwise(told)]
    assert [list(change.classes) for change in changes] == [[("churn", "2")], [], [("churn", "1")]]
    assert [list(change.scores) for change in changes] == [[("churn", "2")], [], [("churn", "1")]]
