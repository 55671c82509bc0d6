"""Alerts that no block can end any more end by what the log tells of time: their events stopped, or another version
answers now."""

from __future__ import annotations

import functools
import itertools

import msgspec
import numpy as np
import pytest

from drift.alert import Alert
from drift.ending import NO_DATA_MS, REPLACED_MS
from drift.observation import Observation
from drift.settings import DriftSettings
from drift.watch import Watch
from streams.decide.drift_runs import WatchKey
from tests.unit.drift.deciding import decided_by
from tests.unit.drift.streaming import (
    SIZE,
    START,
    encoded,
    evenly,
    idle,
    make_watch,
    ms,
    observation,
    one_partition,
    reference,
    rows,
    run,
)

PROFILE, SETTINGS = reference(), DriftSettings()
ROWS = 8000
HOUR_MS = 3_600_000


@functools.cache
def drifting() -> np.ndarray:
    matrix = rows(np.random.default_rng(1), ROWS)
    matrix[4000:, SIZE] += 10
    return matrix


def observed(version: str, start: int = START) -> list[Observation]:
    """A signal that drifts, to the end."""
    made = one_partition(PROFILE, SETTINGS, evenly(ROWS, start=start), drifting())
    return [msgspec.structs.replace(each, version=version) for each in made]


def test_an_alert_ends_without_data_after_a_day_in_which_none_came() -> None:
    marks = [idle(PROFILE, 0, int(hours * HOUR_MS)) for hours in (1, 12, 23.9, 24.1, 48)]
    state, alerts, _ = run(make_watch(PROFILE), observed("3"))
    assert [alert.state for alert in alerts] == ["firing"]
    ended = []
    for mark in marks:
        state, more, figures = run(make_watch(PROFILE), [mark], state)
        ended.append([(alert.state, alert.resolved_reason) for alert in more])
        alerts += more
    assert ended == [[], [], [], [("resolved", "no_data")], []]
    assert figures.firing == {}
    assert alerts[1].alert_id == alerts[0].alert_id and alerts[1].effect.size == pytest.approx(1, abs=0.2)
    assert ms(alerts[1].detected_at) == ROWS / 2 + NO_DATA_MS


def test_rare_events_are_data() -> None:
    """One every six hours, too few for a block in a week."""
    state, alerts, _ = run(make_watch(PROFILE), observed("3"))
    for number in range(28):
        times = np.array([START + (number + 1) * 6 * HOUR_MS])
        few = observation(PROFILE, SETTINGS, 0, np.array([ROWS + number]), times, drifting()[-1:])
        state, alerts, figures = run(make_watch(PROFILE), [few, idle(PROFILE, 0)], state)
        assert alerts == []
    assert figures.firing == {"ticket": 1}


def decided(observations: list[Observation], size: int = 1000, watched: tuple[str, ...] = ("3", "4")) -> list[Alert]:
    watches = {WatchKey("fraud", version): Watch("fraud", version, PROFILE, SETTINGS, 1) for version in watched}
    return decided_by(watches, observations, size)


def changes(alerts: list[Alert]) -> list[tuple[str, str, str | None]]:
    return [(alert.version, alert.state, alert.resolved_reason) for alert in alerts]


def test_an_alert_ends_when_another_version_has_answered_for_ten_minutes() -> None:
    """The new version drifts as well; the alerts of a signal share a key, so the one that stands is the last told."""
    soon = observed("4", START + REPLACED_MS // 2)
    later = observed("4", START + REPLACED_MS + ROWS)
    for each in (soon, later):
        assert changes(decided([*observed("3"), *each]))[0] == ("3", "firing", None)
    assert changes(decided([*observed("3"), *soon])) == [("3", "firing", None), ("4", "firing", None)]
    after = [
        msgspec.structs.replace(each, first_offset=each.first_offset + ROWS, last_offset=each.last_offset + ROWS)
        for each in later
        if each.slices
    ]
    alerts = decided([*observed("3"), *soon, *after])
    assert changes(alerts) == [
        ("3", "firing", None),
        ("4", "firing", None),
        ("3", "resolved", "model_changed"),
        ("4", "updated", None),
        *changes(alerts)[4:],
    ]
    assert {version for version, _, _ in changes(alerts)[4:]} <= {"4"}
    assert ms(alerts[2].detected_at) == 3999 + 1000 + REPLACED_MS  # the last event, and idle since


def test_a_version_that_is_not_watched_answers_in_place_of_another_as_well() -> None:
    stream = [*observed("3"), *observed("4", START + REPLACED_MS + ROWS)]
    assert changes(decided(stream, watched=("3",))) == [("3", "firing", None), ("3", "resolved", "model_changed")]


def test_both_versions_may_answer_side_by_side() -> None:
    mixed = [*itertools.chain(*zip(observed("3"), observed("4"), strict=True))]
    assert sorted(changes(decided(mixed))) == [("3", "firing", None), ("4", "firing", None)]


@pytest.mark.parametrize("size", [1, 7])
def test_how_batches_are_cut_does_not_matter(size: int) -> None:
    stream = [*observed("3"), *observed("4", START + REPLACED_MS // 2)]
    stream += [
        msgspec.structs.replace(each, first_offset=each.first_offset + ROWS, last_offset=each.last_offset + ROWS)
        for each in observed("4", START + REPLACED_MS + ROWS)
        if each.slices
    ]
    assert encoded(decided(stream, size)) == encoded(decided(stream))
