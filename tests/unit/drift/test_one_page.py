"""One incident of a model version, seen in its inputs, its answers and its errors, is one group with one page."""

from __future__ import annotations

import functools

import msgspec
import pytest

from drift.alert import Alert
from drift.command import Silence
from drift.observation import Observation
from tests.unit.drift.labelled_stream import Stretch, decided, restored_backwards, story
from tests.unit.drift.streaming import START, encoded

SEEN_FIRST = [Stretch(120), Stretch(30, shift=2, true=0.5), Stretch(60, shift=2, true=0.5, wrong=0.5)]
"""Inputs and answers are seen to move, and then labels prove errors."""
PROVEN_FIRST = [Stretch(120), Stretch(40, shift=0.4, true=0.3, wrong=0.6)]


@functools.cache
def firing(name: str) -> list[Alert]:
    stretches = {"seen first": SEEN_FIRST, "proven first": PROVEN_FIRST}[name]
    return [alert for alert in decided(story(stretches)) if alert.state == "firing"]


@pytest.mark.parametrize(
    ("name", "page", "proof"), [("seen first", "class", "error"), ("proven first", "error", "class")]
)
def test_one_incident_is_one_group_with_one_page(name: str, page: str, proof: str) -> None:
    found = firing(name)
    assert {"amount", "class", "error"} <= {alert.signal.feature or alert.signal.metric for alert in found}
    assert len({alert.group_key for alert in found}) == 1
    assert [alert.signal.metric for alert in found if alert.severity == "page"] == [page]
    later = next(alert for alert in found if alert.signal.metric == proof)
    assert later.severity == "ticket"
    assert later.severity_reason.endswith(f"; metric/{page} is the page of its group")


def test_what_labels_prove_is_said_though_it_is_no_second_page() -> None:
    error = next(alert for alert in firing("seen first") if alert.signal.metric == "error")
    assert "labels prove the model worse" in error.severity_reason


def test_errors_that_rise_later_are_another_group_with_a_page_of_its_own() -> None:
    stretches = [Stretch(120), Stretch(120, shift=2, true=0.5), Stretch(20, shift=2, true=0.5, wrong=0.6)]
    found = [alert for alert in decided(story(stretches)) if alert.state == "firing"]
    assert [alert.signal.metric for alert in found if alert.severity == "page"] == ["class", "error"]
    assert len({alert.group_key for alert in found if alert.severity == "page"}) == 2


def test_another_version_is_another_incident() -> None:
    both = zip(story(PROVEN_FIRST[:1] * 2), story(PROVEN_FIRST, seed=2, version="2"), strict=False)
    alone = [each for each in story(SEEN_FIRST) if each.stream == ""]
    mixed = [each for pair in both for each in pair if each.version == "2"]
    found = [alert for alert in decided([*alone, *mixed]) if alert.severity == "page" and alert.state == "firing"]
    assert [(alert.version, alert.signal.metric) for alert in found] == [("1", "class"), ("2", "error")]


def silence(signal: str | None) -> Observation:
    command = Silence("ann", START + 86_400_000, signal, id="c-1")
    return Observation("fraud", "1", "", "events", -1, -1, -1, 0, command=command)


@pytest.mark.parametrize(("signal", "expected"), [("metric/class", "page"), ("amount", "ticket")])
def test_a_page_that_is_silenced_called_nobody(signal: str, expected: str) -> None:
    observations = story(SEEN_FIRST)
    found = decided([*observations[:200], silence(signal), *observations[200:]])
    error = next(alert for alert in found if alert.signal.metric == "error")
    assert error.severity == expected


@pytest.mark.parametrize("size", [1, 7])
def test_how_batches_are_cut_and_states_restored_does_not_matter(size: int) -> None:
    for stretches in (SEEN_FIRST, PROVEN_FIRST):
        observations = story(stretches)
        assert encoded(decided(observations, size, restored_backwards)) == encoded(decided(observations))


def test_with_no_labels_alerts_are_those_of_the_inputs_alone() -> None:
    quiet = [msgspec.structs.replace(each) for each in story(SEEN_FIRST) if each.stream == ""]
    told = [alert for alert in decided(quiet) if alert.state == "firing"]
    assert [alert.severity for alert in told] == ["ticket", "page"]
