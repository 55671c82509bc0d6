"""Two versions that answer side by side share the key of a signal's alerts: the end of one hides none that stands."""

from __future__ import annotations

import functools
import itertools

import pytest

from drift.alert import Alert
from drift.observation import Observation
from tests.unit.drift.labelled_stream import Stretch, decided, restored_backwards, story
from tests.unit.drift.streaming import encoded


@functools.cache
def side_by_side() -> list[Observation]:
    """Labels of both are of another mix; those of version 1 for half a minute."""
    passing = story([Stretch(40), Stretch(30, label=0.6), Stretch(30)])
    lasting = story([Stretch(40), Stretch(60, label=0.6)], seed=2, version="2")
    return [*itertools.chain(*zip(passing, lasting, strict=True))]


def of_labels(alerts: list[Alert]) -> list[tuple[str, str]]:
    return [(alert.version, alert.state) for alert in alerts if alert.signal.metric == "label"]


def test_what_stands_is_told_again_after_the_end_of_what_shares_its_key() -> None:
    found = of_labels(decided(side_by_side()))
    end = found.index(("1", "resolved"))
    assert sorted(found[:end]) == [("1", "firing"), ("2", "firing")]
    assert found[end + 1] == ("2", "updated")
    assert len(found) == end + 2, "and once"


@pytest.mark.parametrize("size", [1, 7])
def test_how_batches_are_cut_does_not_matter(size: int) -> None:
    cut = decided(side_by_side(), size, restored_backwards)
    assert encoded(cut) == encoded(decided(side_by_side()))


def test_the_place_is_that_of_the_end_however_many_observations_come_in_one_run() -> None:
    """Labels of one version come while those of the other are held up, and the same happens again in them."""
    stretches = [Stretch(40), Stretch(30, label=0.6), Stretch(30), Stretch(30, label=0.6)]
    again = [each for each in story(stretches) if each.stream]
    stream = [*(each for each in side_by_side() if each.version == "2"), *again]
    found = of_labels(decided(stream))
    assert found[1:] == [("1", "firing"), ("1", "resolved"), ("2", "updated"), ("1", "firing")]
    assert encoded(decided(stream, 3)) == encoded(decided(stream))
