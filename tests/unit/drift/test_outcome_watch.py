"""What labels tell of a model: a burn-in, then alerts about errors, labels and their delay."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import pytest

from drift.command import Rebaseline
from drift.observation import Observation
from drift.outcome_watch import OutcomeWatch
from drift.outcomes import (
    ERRORS,
    classified,
    coarse_times,
    coverage_layout,
    error_unit,
    outcomes_layout,
    regressed,
)
from drift.settings import DetectorSpec, DriftSettings, SignalDetectors
from drift.summary import Summariser
from drift.watch import StateError
from tests.unit.drift.outcome_stream import (
    BURN_IN,
    SLICE_MS,
    START,
    Stream,
    classifier,
    regressor,
    run,
    watch,
)


def test_a_model_that_becomes_wrong_is_a_page_that_says_since_when_and_how_much() -> None:
    stream = Stream(1)
    before = [*stream.next(5000)]
    onset = START + stream.count * 200
    _, alerts = run(watch(), [*before, *stream.next(1000, error=0.3)])
    first = next(alert for alert in alerts if alert.signal.metric == "error")
    assert (first.kind, first.severity, first.signal.metric, first.state) == ("concept", "page", "error", "firing")
    assert first.onset.interval[0] <= np.datetime_as_string(np.datetime64(onset, "ms")) + "Z" <= first.onset.interval[1]
    assert first.reference.shares["true"] == pytest.approx(0.1, abs=0.03)
    assert first.effect.interval[0] <= 0.2 <= first.effect.interval[1]
    assert first.evidence.nats >= first.evidence.needed
    assert "labels prove" in first.severity_reason
    assert sum(alert.severity == "page" for alert in alerts if alert.state == "firing") == 1


def test_a_run_of_wrong_answers_is_told_within_two_blocks() -> None:
    stream = Stream(12)
    before = [*stream.next(3000, error=0.02)]
    onset = START + stream.count * 200
    _, alerts = run(watch(), [*before, *stream.next(200, error=1.0)])
    first = next(alert for alert in alerts if alert.signal.metric == "error")
    told = datetime.fromisoformat(first.detected_at).timestamp() * 1000
    assert first.severity == "page"
    assert onset < told <= onset + 20 * 200, "twenty wrong answers"


@pytest.mark.parametrize("name", ["DDM", "HDDM_A", "HDDM_W"])
def test_a_detector_of_errors_sees_every_answer_and_survives_a_restart(name: str) -> None:
    chosen = (SignalDetectors("metric/error", (DetectorSpec(name),)),)
    stream, settings = Stream(14), DriftSettings(signals=chosen)
    observations = [*stream.next(3000, error=0.3), *stream.next(1000, error=0.1), *stream.next(600, error=0.3)]

    def make() -> OutcomeWatch:
        return OutcomeWatch("m", "1", "outcomes", classifier(), settings, BURN_IN)

    state, alerts = run(make(), observations)
    again = make().fresh()
    told = []
    for observation in observations:
        step = make().observe(make().load(again.dump()), [observation])
        again, told = step.state, told + step.alerts
    assert again.dump() == state.dump() and told == alerts
    specs = state.watched and state.watched.chosen["metric/error"]
    assert specs == (DetectorSpec(name),)


def test_a_small_change_is_told_though_it_takes_hundreds_of_answers() -> None:
    stream = Stream(13)
    _, alerts = run(watch(), [*stream.next(3000, error=0.1), *stream.next(3000, error=0.19)])
    assert "error" in {alert.signal.metric for alert in alerts}, "what old blocks tell is not forgotten too soon"


def test_a_model_that_becomes_better_is_no_page() -> None:
    stream = Stream(2)
    _, alerts = run(watch(), [*stream.next(5000, error=0.4), *stream.next(3000, error=0.1)])
    assert {alert.signal.metric for alert in alerts} >= {"error"}
    assert {alert.severity for alert in alerts} == {"ticket"}


def test_quiet_labels_raise_nothing() -> None:
    for seed in range(5):
        _, alerts = run(watch(), [*Stream(seed).next(20_000)])
        assert alerts == []


@pytest.mark.parametrize(
    ("change", "metric", "kind"),
    [({"yes": 0.95}, "label", "label"), ({"lag_ms": 7_200_000}, "label_lag", "label")],
)
def test_labels_that_change_are_told_as_that(change: dict[str, Any], metric: str, kind: str) -> None:
    stream = Stream(3)
    _, alerts = run(watch(), [*stream.next(5000), *stream.next(2000, **change)])
    found = {alert.signal.metric: alert for alert in alerts if alert.state == "firing"}
    assert found[metric].kind == kind
    assert found[metric].severity == "ticket"


def test_labels_that_stay_away_are_told() -> None:
    layout, rng = coverage_layout(), np.random.default_rng(4)
    summariser = Summariser(layout, SLICE_MS)
    observations = []
    for number in range(200):
        times = START + (number * 50 + np.arange(50)) * 200
        came = (rng.random(50) < (0.9 if number < 120 else 0.5)).astype(np.float64).reshape(-1, 1)
        slices = summariser.summarise(np.zeros(50, dtype=np.int64), times, came)[0]
        first = number * 50
        observations.append(
            Observation("m", "1", layout.id, "joins", 0, first, first + 49, int(times[-1]), slices, stream="coverage")
        )
    _, alerts = run(watch("coverage"), observations)
    assert {(alert.kind, alert.signal.metric) for alert in alerts} == {("label", "label_coverage")}


def test_an_error_comes_back_to_what_was_usual_and_the_alert_resolves() -> None:
    stream = Stream(5)
    _, alerts = run(watch(), [*stream.next(4000), *stream.next(1500, error=0.4), *stream.next(3000)])
    assert [a.state for a in alerts if a.signal.metric == "error"][-1] == "resolved"


def test_late_labels_count_where_they_come_and_none_is_lost() -> None:
    stream, rng = Stream(6), np.random.default_rng(7)
    observations = [*stream.next(3000)]
    for _ in range(40):  # of events up to an hour ago
        times = START + stream.count * 200 - rng.integers(0, 3_600_000, 50)
        observations.append(
            stream.observation(times, classified(rng.random(50) >= 0.5, np.zeros(50, dtype=np.int64), times * 0))
        )
    of = watch()
    state, alerts = run(of, observations)
    assert "error" in {alert.signal.metric for alert in alerts}
    step = of.observe(state, [])
    assert step.figures.events == 3000 + 2000
    assert step.figures.late_events > 1500


@pytest.mark.parametrize("order", ["shuffled", "newest first"])
def test_labels_of_a_day_in_any_order_are_judged_as_they_come(order: str) -> None:
    stream, rng = Stream(13), np.random.default_rng(14)
    observations = [*stream.next(3000)]
    day = START + stream.count * 200 + np.arange(4000) * 20_000
    wrong = np.arange(4000) >= 2000
    places = rng.permutation(4000) if order == "shuffled" else np.arange(4000)[::-1]
    for start in range(0, 4000, 50):
        own = places[start : start + 50]
        right = ~wrong[own] | (rng.random(50) < 0.1)
        observations.append(
            stream.observation(day[own], classified(right, rng.integers(0, 2, 50), np.full(50, 30_000)))
        )
    _, alerts = run(watch(), observations)
    assert ("error", "page") in {(alert.signal.metric, alert.severity) for alert in alerts}


def test_a_rebaseline_that_comes_twice_counts_once() -> None:
    stream, of = Stream(15), watch()
    rebaseline = Rebaseline(id="c", author="me", reason="", signals=("metric/error",))
    command = Observation("m", "1", "", "joins", -1, -1, -1, 0, command=rebaseline)
    state, _ = run(of, [*stream.next(4000), command, *stream.next(3000)])
    assert state.reference is not None
    step = of.observe(state, [command])
    assert step.state.reference == state.reference
    assert step.outcomes == []


def test_any_batches_and_restarts_give_the_same_bytes() -> None:
    stream = Stream(8)
    observations = [*stream.next(3000), *stream.next(1000, error=0.4)]
    one_by_one, alerts = run(watch(), observations)
    at_once = watch().observe(watch().fresh(), observations)
    assert at_once.state.dump() == one_by_one.dump()
    assert at_once.alerts == alerts
    of, state, again = watch(), watch().fresh(), []
    for observation in observations:
        step = of.observe(state, [observation, observation])  # what comes again is known by its offsets
        again += step.alerts
        of = watch()
        state = of.load(step.state.dump())
    assert again == alerts
    assert state.dump() == one_by_one.dump()


def test_the_same_outcomes_over_any_partitions_give_the_same_alert_bytes() -> None:
    rng, n = np.random.default_rng(12), 6000
    times = START + np.arange(n) * 200
    right = rng.random(n) >= np.where(np.arange(n) < 4000, 0.1, 0.4)
    matrix = classified(right, rng.integers(0, 2, n), np.full(n, 1000))
    layout = outcomes_layout(classifier())
    summariser = Summariser(layout, SLICE_MS)
    told = set()
    for partitions, batch in ((1, 7), (2, 13), (6, 20)):
        # As much later as a batch is long: less than what is allowed.
        owners, offsets, observations = rng.integers(0, partitions, n), dict.fromkeys(range(partitions), 0), []
        for start in range(0, n, batch):
            rows = slice(start, start + batch)
            for owner, slices in summariser.summarise(owners[rows], times[rows], matrix[rows]).items():
                first, events = offsets[owner], sum(delta.events for delta in slices)
                offsets[owner] += events
                newest = int(times[rows].max())
                observations.append(
                    Observation("m", "1", layout.id, "joins", owner, first, first + events - 1, newest, slices)
                )
        state, alerts = run(watch(), observations)
        assert alerts
        assert watch().observe(state, []).figures.late_events == 0
        told.add(b"\n".join(msgspec.json.encode(alert) for alert in alerts))
    assert len(told) == 1


def test_a_command_is_answered_before_and_after_the_burn_in() -> None:
    stream, of = Stream(9), watch()
    rebaseline = Rebaseline(id="c", author="me", reason="", signals=("metric/error",))
    command = Observation("m", "1", "", "joins", -1, -1, -1, 0, command=rebaseline)
    step = of.observe(of.fresh(), [command])
    assert [(o.applied, o.why) for o in step.outcomes] == [
        (False, "metric/error: no block was judged since it was quiet last")
    ]
    state, alerts = run(of, [*stream.next(4000), *stream.next(1000, error=0.4)])
    assert alerts
    step = of.observe(state, [command, *stream.next(6000, error=0.4)])
    assert [(o.applied, o.why) for o in step.outcomes] == [(True, "the next 1000 outcomes are the reference")]
    assert {(alert.state, alert.resolved_reason) for alert in step.alerts} == {("resolved", "rebaselined")}
    assert [name for name in state.dump() if name.startswith("told/")]
    assert not [name for name in step.state.dump() if name.startswith("told/")]


def test_a_state_of_something_else_is_refused() -> None:
    with pytest.raises(StateError):
        watch().load({"reference": b"{}"})


def test_errors_of_a_regression_are_sorted_by_their_size() -> None:
    profile = regressor()
    unit = error_unit(profile)
    errors = np.array([0.0, 0.07, -0.3, 0.6, -1.5, 50.0, np.nan]) * unit
    matrix = regressed(errors, unit, np.zeros(7, dtype=np.int64))
    shown = [ERRORS[int(place)] for place in matrix[:-1, 0]]
    assert shown == ["up to 0.05 sd", "up to 0.1 sd", "up to 0.5 sd", "up to 1 sd", "up to 2 sd", "more"]
    assert np.isnan(matrix[-1, 0])
    assert outcomes_layout(profile).keys == ("metric/error", "metric/label_lag")


def test_larger_errors_of_a_regression_are_a_page_and_smaller_ones_none() -> None:
    profile, rng = regressor(), np.random.default_rng(10)
    layout = outcomes_layout(profile)
    summariser = Summariser(layout, SLICE_MS)
    severities = {}
    for size in (0.1, 0.5, 3.0):
        of, observations = watch(profile=profile), []
        for number in range(100):
            times = START + (number * 50 + np.arange(50)) * 200
            errors = rng.normal(scale=error_unit(profile) * 0.3 * (1.0 if number < 60 else size), size=50)
            slices = summariser.summarise(
                np.zeros(50, dtype=np.int64), times, regressed(errors, error_unit(profile), times * 0)
            )[0]
            observations.append(
                Observation("m", "1", layout.id, "joins", 0, number * 50, number * 50 + 49, int(times[-1]), slices)
            )
        severities[size] = {alert.severity for alert in run(of, observations)[1] if alert.state == "firing"}
    assert severities == {0.1: {"ticket"}, 0.5: {"ticket"}, 3.0: {"page"}}


def test_coarse_times_keep_the_order_and_are_few() -> None:
    rng = np.random.default_rng(11)
    times = START + rng.integers(0, 7 * 86_400_000, 8192)
    coarse = coarse_times(times)
    assert (coarse <= times).all()
    assert len(np.unique(coarse // SLICE_MS)) < 10_000 // SLICE_MS + 60 + 60 + 7 * 24 + 3
    newest = times.max() - np.arange(9_999)
    assert (coarse_times(newest) == newest).all(), "the latest seconds are as they were"
    order = np.argsort(times, kind="stable")
    assert (np.diff(coarse[order]) >= 0).all()
