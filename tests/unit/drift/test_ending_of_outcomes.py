"""Alerts about the errors of a version end when another one answers; labels of the old one still come."""

from __future__ import annotations

import msgspec
import pytest

from drift.alert import Alert
from drift.ending import REPLACED_MS
from drift.observation import Observation
from drift.watch import Watch
from streams.decide.drift import DriftDecider, DriftReport, DriftState
from streams.decide.drift_runs import WatchKey
from streams.records import RecordBatch
from tests.unit.drift.outcome_stream import SETTINGS, START, Stream, classifier, watch

PROFILE = classifier()


def answers(version: str, number: int, at: int) -> Observation:
    """That `version` answered at this time."""
    return Observation("m", version, PROFILE.id, "events", 0, number, number, at, [])


def story(*, back: bool = False) -> list[Observation]:
    """Version 1 becomes wrong; from ten minutes after its last answer on version 2 answers, and labels of 1 go on; with
    `back` version 1 answers again after that."""
    stream = Stream(1)
    wrong = [*stream.next(3000), *stream.next(500, error=0.5)]
    last = START + stream.count * 200
    told = [answers("1", 0, START), *wrong[:-1], answers("1", 1, last), wrong[-1]]
    told += [answers("2", 2, last + 1000), answers("2", 3, last + REPLACED_MS)]
    for number, late in enumerate(stream.next(500, error=0.9)):
        told += [late, answers("2", 4 + number, last + REPLACED_MS + number)]
    if back:
        told += [answers("1", 100, last + 2 * REPLACED_MS), *stream.next(500, error=0.9)]
    return told


def decided(stream: list[Observation], size: int = 1000, *, watched: tuple[str, ...] = ("1", "2")) -> list[Alert]:
    """With the state taken from its dump between batches."""
    inputs = {WatchKey("m", version): Watch("m", version, PROFILE, SETTINGS, 1) for version in watched}
    decider = DriftDecider(
        watches={**inputs, WatchKey("m", "1", "outcomes"): watch()}, alerts_topic="alerts", control_topic="control"
    )
    entries: dict[str, bytes] = {}
    alerts: list[Alert] = []
    for first in range(0, len(stream), size):
        values: list[bytes | None] = [msgspec.json.encode(each) for each in stream[first : first + size]]
        n = len(values)
        batch = RecordBatch("observations", [0] * n, [*range(n)], [b"m"] * n, values, [START] * n, [None] * n)
        state = decider.load(0, entries)
        decision = decider.decide({0: state}, batch, decider.prepare(batch))
        assert isinstance(decision.report, DriftReport) and isinstance(state, DriftState)
        alerts += decision.report.alerts
        state.apply(decision.changes.get(0, {}))
        entries = state.dump()
    return alerts


def of_errors(alerts: list[Alert]) -> list[tuple[str, str | None]]:
    return [(alert.state, alert.resolved_reason) for alert in alerts if alert.signal.metric == "error"]


@pytest.mark.parametrize("watched", [("1", "2"), ("1",)])
def test_an_alert_about_errors_ends_with_its_version_and_late_labels_raise_none(watched: tuple[str, ...]) -> None:
    found = of_errors(decided(story(), watched=watched))
    assert found[0] == ("firing", None)
    assert found[-1] == ("resolved", "model_changed")
    assert [change for change in found if change[0] == "firing"] == [("firing", None)]


def test_a_version_that_answers_again_is_watched_again() -> None:
    found = of_errors(decided(story(back=True)))
    resolved = found.index(("resolved", "model_changed"))
    assert ("firing", None) in found[resolved + 1 :]


@pytest.mark.parametrize("size", [1, 7])
def test_how_batches_are_cut_does_not_matter(size: int) -> None:
    stream = story(back=True)
    assert [msgspec.json.encode(alert) for alert in decided(stream, size)] == [
        msgspec.json.encode(alert) for alert in decided(stream)
    ]


def test_no_alert_is_left_out_by_a_version_that_only_takes_a_share() -> None:
    """Both answer, as when a new version is tried on some of the events."""
    mixed = [each for number, each in enumerate(story()) if each.stream or each.version == "1" or number % 2]
    early = [msgspec.structs.replace(each, max_time=START) if each.version == "2" else each for each in mixed]
    assert ("resolved", "model_changed") not in of_errors(decided(early))
