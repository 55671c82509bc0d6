"""Alerts about the errors of a version end when another one answers; labels of the old one still come."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from drift.alert import Alert
from drift.command import Rebaseline
from drift.ending import REPLACED_MS
from drift.observation import Observation
from drift.outcome_watch import OutcomeWatch
from drift.watch import Watch
from streams.control_records import Answer
from streams.decide.drift_runs import WatchKey
from streams.decide.drift_turn import AnyWatch
from tests.unit.drift.deciding import Entries, decided_by
from tests.unit.drift.outcome_stream import BURN_IN, SETTINGS, START, Stream, classifier
from tests.unit.drift.streaming import encoded

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


def decided(
    stream: list[Observation],
    size: int = 1000,
    *,
    watched: tuple[str, ...] = ("1", "2", "3"),
    restored: Callable[[Entries], Entries] = dict,
    answered: dict[str, Answer] | None = None,
) -> list[Alert]:
    watches: dict[WatchKey, AnyWatch] = {}
    for version in watched:
        watches[WatchKey("m", version)] = Watch("m", version, PROFILE, SETTINGS, 1)
        if version != "2":
            watches[WatchKey("m", version, "outcomes")] = OutcomeWatch(
                "m", version, "outcomes", PROFILE, SETTINGS, BURN_IN
            )
    return decided_by(watches, stream, size, restored=restored, answered=answered)


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
    assert encoded(decided(stream, size)) == encoded(decided(stream))


def test_while_both_answer_alerts_go_on() -> None:
    """As when a new version is tried on some of the events."""
    stream = Stream(1)
    told: list[Observation] = []
    for number, each in enumerate([*stream.next(3000), *stream.next(500, error=0.5), *stream.next(3000, error=0.1)]):
        at = START + number * 10_000
        told += [each, answers("1", 2 * number, at), answers("2", 2 * number + 1, at)]
    assert told[-1].max_time > START + REPLACED_MS
    assert of_errors(decided(told))[-1] == ("resolved", "recovered")


def test_an_idle_worker_of_the_old_version_wakes_no_alert() -> None:
    mark = msgspec.structs.replace(answers("1", -1, 0), idle_ms=5000)
    told = story()
    found = of_errors(decided([*told[:-5], mark, *told[-5:]]))
    assert [change for change in found if change[0] == "firing"] == [("firing", None)]
    assert found[-1] == ("resolved", "model_changed")


def test_an_older_event_that_the_version_answers_wakes_it() -> None:
    """After a rollback over events that had waited."""
    told = [
        msgspec.structs.replace(each, max_time=START) if each.first_offset == 100 else each for each in story(back=True)
    ]
    found = of_errors(decided(told))
    assert ("firing", None) in found[found.index(("resolved", "model_changed")) + 1 :]


def test_the_order_of_restored_entries_does_not_matter() -> None:
    """Alerts of two versions end at once."""
    of_1 = story()
    replaced = next(number for number, each in enumerate(of_1) if each.version == "2")
    of_3 = [msgspec.structs.replace(each, version="3") for each in of_1[:replaced]]
    told = [*of_1[:replaced], *of_3, *of_1[replaced:]]
    alerts = decided(told)
    assert {alert.version for alert in alerts if alert.resolved_reason == "model_changed"} == {"1", "3"}
    assert encoded(decided(told, 1, restored=lambda entries: dict(sorted(entries.items(), reverse=True)))) == encoded(
        alerts
    )


def test_a_rebaseline_of_a_retired_version_promises_nothing() -> None:
    command = Rebaseline("ann", signals=("metric/error",), id="c-1")
    answered: dict[str, Answer] = {}
    decided([*story(), msgspec.structs.replace(answers("1", -1, 0), command=command)], answered=answered)
    assert answered["c-1"].outcome == "refused"
