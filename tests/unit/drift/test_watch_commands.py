"""What on-call decides holds: acknowledged, silenced and rebaselined alerts, by the log alone."""

from __future__ import annotations

import functools

import msgspec
import numpy as np
import pytest

from drift.alert import Alert
from drift.command import Acknowledge, Command, Outcome, Rebaseline, Silence
from drift.observation import Observation
from drift.settings import DriftSettings
from drift.watch import Step, Watch, WatchState
from tests.unit.drift.streaming import (
    SIZE,
    START,
    encoded,
    evenly,
    idle,
    make_watch,
    observation,
    one_partition,
    reference,
    rows,
)

SETTINGS = DriftSettings()
PROFILE = reference()
PER_SECOND = 2000
DRIFT_AT, LEVEL_AT, BACK_AT, END = 6_000, 20_000, 32_000, 44_000
"""Rows: one deviation up, then two, then as in training again."""


def command(body: Command, command_id: str = "c1") -> Observation:
    body = msgspec.structs.replace(body, id=command_id)
    return Observation("fraud", "", "", "events", -1, -1, -1, 0, command=body)


@functools.cache
def matrix() -> np.ndarray:
    values = rows(np.random.default_rng(7), END)
    values[DRIFT_AT:LEVEL_AT, SIZE] += 10
    values[LEVEL_AT:BACK_AT, SIZE] += 20
    return values


def log(first: int, last: int) -> list[Observation]:
    """What a worker writes about these rows, without an idle mark, so that the next ones can follow."""
    times, step = evenly(END, PER_SECOND), 500
    cuts = [slice(at, min(at + step, last)) for at in range(first, last, step)]
    return [observation(PROFILE, SETTINGS, 0, np.arange(END)[cut], times[cut], matrix()[cut]) for cut in cuts]


def firing() -> tuple[Watch, WatchState, Alert]:
    """Ten seconds of a drift that has not been obeyed yet."""
    watch = make_watch(PROFILE, SETTINGS)
    step = watch.observe(watch.fresh(), log(0, LEVEL_AT))
    assert [(alert.dedupe_key, alert.state) for alert in step.alerts] == [("fraud/size", "firing")]
    return watch, step.state, step.alerts[0]


def one(step: Step) -> Outcome:
    (outcome,) = step.outcomes
    return outcome


def at(second: float) -> int:
    return START + round(second * 1000)


def test_an_acknowledged_alert_says_by_whom_at_once_and_until_it_is_over() -> None:
    watch, state, alert = firing()
    step = watch.observe(state, [command(Acknowledge("ann", "size", alert.alert_id))])
    (told,) = step.alerts
    assert (told.state, told.alert_id, told.acknowledged_by) == ("updated", alert.alert_id, "ann")
    assert (told.severity, told.evidence.statistic) == (alert.severity, alert.evidence.statistic)
    assert one(step).applied
    later = watch.observe(step.state, [*log(LEVEL_AT, END), idle(PROFILE, 0)]).alerts
    assert [(each.state, each.acknowledged_by) for each in later] == [("updated", "ann"), ("resolved", "ann")]
    assert later[-1].resolved_reason == "recovered"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (Acknowledge("ann", "colour"), "no alert of colour stands"),
        (Acknowledge("ann", "nothing"), "no alert of nothing stands"),
        (Acknowledge("ann", "size", "0123"), "another one"),
        (Silence("ann", at(1)), "is over"),
        (Silence("ann", 0), "no silence"),
        (Silence("ann", at(900), "nothing"), "no signal nothing"),
        (Rebaseline("ann", ("nothing",)), "no such signal"),
        (Rebaseline("ann", ("colour",)), "still the reference's"),
        (Rebaseline("ann", reset=True), "no signal has a baseline"),
        (Rebaseline("ann", ("size",), reset=True), "profile's already"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_no_alert(body: Command, why: str) -> None:
    watch, state, _ = firing()
    step = watch.observe(state, [command(body)])
    assert step.alerts == []
    assert not one(step).applied
    assert why in one(step).why


@pytest.mark.parametrize("signal", ["size", None])
def test_a_silenced_alert_goes_to_the_log_until_the_silence_ends_in_event_time(signal: str | None) -> None:
    watch, state, alert = firing()
    ends = at(BACK_AT / PER_SECOND - 1)
    step = watch.observe(state, [command(Silence("ben", ends, signal, "a known migration"))])
    (told,) = step.alerts
    assert (told.state, told.severity) == ("updated", "log")
    assert "silenced by ben until 2023-11-14T22:13:35.000Z (a known migration)" in told.severity_reason
    assert step.figures.firing == {"log": 1}
    grown, ended, over = watch.observe(step.state, [*log(LEVEL_AT, END), idle(PROFILE, 0)]).alerts
    assert (grown.state, grown.severity) == ("updated", "log")
    assert grown.effect.size > 1.5 * alert.effect.size
    assert (ended.state, ended.severity, over.state, over.severity) == ("updated", "ticket", "resolved", "ticket")
    assert "silenced" not in ended.severity_reason
    assert ended.detected_at >= "2023-11-14T22:13:35"


def test_a_silence_covers_what_fires_while_it_lasts_and_nothing_else() -> None:
    watch = make_watch(PROFILE, SETTINGS)
    for silenced, severity in ((None, "log"), ("size", "log"), ("colour", "ticket")):
        step = watch.observe(watch.fresh(), [command(Silence("ben", at(900), silenced)), *log(0, LEVEL_AT)])
        assert [alert.severity for alert in step.alerts] == [severity]


def test_a_silence_can_be_ended_before_its_time() -> None:
    watch, state, _ = firing()
    state = watch.observe(state, [command(Silence("ben", at(900)))]).state
    step = watch.observe(state, [command(Silence("ann", 0), "c2")])
    assert [(alert.state, alert.severity) for alert in step.alerts] == [("updated", "ticket")]
    assert one(step).applied


def test_after_a_rebaseline_the_new_level_is_normal_and_the_old_one_is_a_change() -> None:
    watch, state, alert = firing()
    step = watch.observe(state, [command(Rebaseline("eve"))])
    (over,) = step.alerts
    assert one(step).applied
    assert (over.state, over.resolved_reason, over.alert_id) == ("resolved", "rebaselined", alert.alert_id)
    assert over.reference.rebaselined_at is None  # what it was compared with
    same = matrix()[DRIFT_AT:LEVEL_AT]
    times, offsets = evenly(len(same), PER_SECOND, at(LEVEL_AT / PER_SECOND)), np.arange(len(same)) + LEVEL_AT
    quiet = watch.observe(step.state, [observation(PROFILE, SETTINGS, 0, offsets, times, same)])
    assert quiet.alerts == []
    assert quiet.figures.statistics["size"] < 1
    changed = watch.observe(step.state, log(LEVEL_AT, END)).alerts
    fired = changed[0]
    assert (fired.state, fired.evidence.statistic) == ("firing", "mean")
    assert fired.effect.size == pytest.approx(1.0, abs=0.1)  # beyond the new level, two beyond training
    assert fired.reference.mean == pytest.approx(60, abs=1)
    assert fired.reference.rebaselined_at is not None


def test_a_baseline_is_reset_to_the_profiles_own() -> None:
    watch, state, _ = firing()
    state = watch.observe(state, [command(Rebaseline("eve"))]).state
    step = watch.observe(state, [command(Rebaseline("eve", reset=True), "c2"), *log(LEVEL_AT, BACK_AT)])
    assert one(step).applied
    assert step.alerts[0].effect.size == pytest.approx(1.0, abs=0.1)  # nothing, against the other
    assert step.alerts[0].reference.rebaselined_at is None


def test_too_few_events_at_the_new_level_are_no_baseline() -> None:
    watch = make_watch(PROFILE, SETTINGS)
    times, changed = evenly(END, PER_SECOND)[DRIFT_AT : DRIFT_AT + 200], matrix()[DRIFT_AT : DRIFT_AT + 200]
    fresh = watch.observe(watch.fresh(), one_partition(PROFILE, SETTINGS, times, changed))
    step = watch.observe(fresh.state, [command(Rebaseline("eve", ("size",)))])
    assert not one(step).applied
    assert "try again later" in one(step).why


def test_a_command_that_was_published_twice_counts_once() -> None:
    watch, state, _ = firing()
    told = command(Acknowledge("ann", "size"))
    once, twice = watch.observe(state, [told]), watch.observe(state, [told, told])
    assert encoded(twice.alerts) == encoded(once.alerts)
    assert twice.state.dump() == once.state.dump()


def story() -> list[Observation]:
    return [
        command(Silence("ben", at(8), "size"), "c1"),
        *log(0, LEVEL_AT),
        command(Acknowledge("ann", "size"), "c2"),
        command(Silence("ben", at(14)), "c3"),
        *log(LEVEL_AT, LEVEL_AT + 6_000),
        command(Rebaseline("eve"), "c4"),
        command(Acknowledge("ann", "size"), "c5"),
        *log(LEVEL_AT + 6_000, END),
        command(Rebaseline("eve", reset=True), "c6"),
        idle(PROFILE, 0),
    ]


def test_the_same_log_gives_the_same_bytes_with_a_restart_after_every_record() -> None:
    watch = make_watch(PROFILE, SETTINGS)
    whole = watch.observe(watch.fresh(), story())
    assert {alert.state for alert in whole.alerts} == {"firing", "updated", "resolved"}
    assert [outcome.applied for outcome in whole.outcomes] == [True, True, True, True, False, True]
    state, alerts, outcomes = watch.fresh(), [], []
    for entry in story():
        passed = msgspec.json.decode(msgspec.json.encode(entry), type=Observation)
        before = watch.load(state.dump())
        watch.observe(before, [passed])  # redone after an abort
        step = watch.observe(before, [passed])
        state, alerts, outcomes = step.state, alerts + step.alerts, outcomes + step.outcomes
    assert encoded(alerts) == encoded(whole.alerts)
    assert outcomes == whole.outcomes
    assert state.dump() == whole.state.dump()
