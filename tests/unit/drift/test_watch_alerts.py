"""What an on-call gets: one alert a change, with the truth in it, resolved when it is over, and silence otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.alert import Alert, alert_id
from drift.calibration import calibrated
from drift.cells import Layout
from drift.observation import Observation, SliceDelta
from drift.profile import build_profile
from drift.settings import DetectorSpec, DriftSettings
from tests.unit.drift.streaming import (
    CLASS,
    COLOUR,
    FIXED,
    SIZE,
    SPECS,
    START,
    encoded,
    evenly,
    idle,
    make_watch,
    ms,
    one_partition,
    reference,
    rows,
    run,
    stream,
)

BEFORE, DURING, AFTER = 12_000, 12_000, 12_000
Change = Callable[[np.ndarray, np.random.Generator], None]


def shift(size: float) -> Change:
    return lambda m, rng: m.__setitem__((slice(None), SIZE), m[:, SIZE] + 10 * size)


def replace(column: int, value: float, share: float) -> Change:
    return lambda m, rng: m[:, column].__setitem__(rng.random(len(m)) < share, value)


def story(change: Change, seed: int = 0, before: int = BEFORE, during: int = DURING, after: int = AFTER) -> np.ndarray:
    """Rows as in training, then changed ones, then as in training again."""
    rng = np.random.default_rng(seed + 100)
    matrix = rows(rng, before + during + after)
    change(matrix[before : before + during], rng)
    return matrix


CASES = {
    "half a deviation": (shift(0.5), "size", "mean", "input", "sd", 0.5, 2400),
    "one deviation": (shift(-1), "size", "mean", "input", "sd", -1.0, 2000),
    "two deviations": (shift(2), "size", "mean", "input", "sd", 2.0, 1600),
    "nulls": (replace(SIZE, math.nan, 0.1), "size", "null_rate", "data_quality", "share", 0.1, 2000),
    "unseen": (replace(COLOUR, -1, 0.2), "colour", "unseen_rate", "data_quality", "share", 0.2, 2000),
    "class share": (replace(COLOUR, 2, 0.3), "colour", "share:blue", "input", "share", 0.27, 2000),
    "a constant moves": (replace(FIXED, 7.5, 0.5), "fixed", "out_of_range_rate", "data_quality", "share", 0.5, 1600),
    "answers": (replace(CLASS, 1, 0.2), "class", "share:true", "prediction", "share", 0.16, 2400),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_change_is_one_alert_soon_after_its_onset_and_resolves_when_it_is_over(case: tuple, seed: int) -> None:
    change, name, statistic, kind, unit, size, delay = case
    alerts, figures = stream(story(change, seed), seed=seed)
    firing, *others = alerts
    assert [alert.state for alert in alerts] == ["firing", "resolved"]
    assert name in (firing.signal.feature, firing.signal.metric)
    assert (firing.evidence.statistic, firing.kind, firing.severity) == (statistic, kind, "ticket")
    assert firing.effect.unit == unit
    assert firing.effect.size == pytest.approx(size, abs=0.15 if unit == "sd" else 0.06)
    assert firing.effect.interval[0] <= firing.effect.size <= firing.effect.interval[1]
    onset = BEFORE / 2  # ms, at 2,000 events a second
    time = {field: _ms(firing, field) for field in ("onset", "detected")}
    assert onset - 200 <= time["onset"] <= onset + 200
    assert onset < time["detected"] <= onset + delay / 2
    (resolved,) = others
    assert resolved.alert_id == firing.alert_id and resolved.resolved_reason == "recovered"
    assert resolved.onset == firing.onset
    assert onset + DURING / 2 < _ms(resolved, "detected") <= onset + DURING / 2 + 2500
    assert figures.firing == {}


def _ms(alert: Alert, field: str) -> int:
    return ms(alert.onset.at if field == "onset" else alert.detected_at)


@pytest.mark.parametrize("per_second", [2000, 50, 2])
def test_a_stream_like_the_training_data_is_silent(per_second: float) -> None:
    alerts, figures = stream(rows(np.random.default_rng(9), 60_000), per_second=per_second)
    assert alerts == []
    assert figures.blocks_closed > 100
    assert figures.events == 60_000
    assert set(figures.statistics) == {"size", "colour", "fixed", "metric/class"} | (
        {"metric/volume"} if per_second == 2 else set()
    )


def test_a_clear_but_immaterial_shift_is_no_alert() -> None:
    alerts, _ = stream(story(shift(0.1), before=20_000, during=100_000, after=0))
    assert alerts == []


def test_a_short_burst_does_not_persist_and_is_no_alert() -> None:
    alerts, _ = stream(story(shift(2), during=400))
    assert alerts == []


def test_what_lasts_is_counted_in_judged_blocks_also_where_few_events_are_gathered_for_one() -> None:
    """At two events a second some fifteen blocks close for each that is judged: a minute's burst is two of these."""
    alerts, _ = stream(story(shift(2), before=3000, during=60, after=3000), per_second=2)
    assert alerts == []


def test_a_stream_that_is_off_its_reference_from_the_first_event_is_a_change() -> None:
    alerts, _ = stream(story(shift(1), before=0, during=20_000, after=0))
    assert [(alert.state, alert.signal.feature) for alert in alerts] == [("firing", "size")]
    assert _ms(alerts[0], "onset") == 0


def test_a_slow_ramp_is_found_once_it_is_material() -> None:
    matrix = rows(np.random.default_rng(4), 60_000)
    matrix[10_000:, SIZE] += np.linspace(0, 10, 50_000)
    alerts, _ = stream(matrix)
    assert [alert.state for alert in alerts if alert.state != "updated"] == ["firing"]
    assert _ms(alerts[0], "detected") <= (10_000 + 25_000) / 2


def test_a_change_that_grows_much_is_updated_and_not_fired_again() -> None:
    matrix = story(shift(0.5), after=0)
    matrix[BEFORE + 6000 :, SIZE] += 15
    alerts, figures = stream(matrix)
    assert [alert.state for alert in alerts] == ["firing", "updated"]
    assert alerts[1].effect.size == pytest.approx(2.0, abs=0.15)
    assert alerts[1].alert_id == alerts[0].alert_id and alerts[1].dedupe_key == alerts[0].dedupe_key
    assert figures.firing == {"ticket": 1}


def test_a_steady_drift_is_not_repeated() -> None:
    alerts, _ = stream(story(shift(0.6), during=150_000, after=0))
    assert [alert.state for alert in alerts] == ["firing"]


def test_the_same_change_again_is_another_alert() -> None:
    once = story(shift(1))
    alerts, _ = stream(np.vstack([once, once]))
    assert [alert.state for alert in alerts] == ["firing", "resolved", "firing", "resolved"]
    assert alerts[0].alert_id != alerts[2].alert_id
    assert len({alert.dedupe_key for alert in alerts}) == 1


def test_a_shift_near_the_reference_but_away_from_what_was_before_is_logged() -> None:
    matrix = rows(np.random.default_rng(8), 40_000)
    matrix[:20_000, SIZE] += 1.3
    matrix[20_000:, SIZE] -= 1.3
    alerts, _ = stream(matrix)
    assert [(alert.state, alert.severity, alert.evidence.against) for alert in alerts] == [
        ("firing", "log", "previous")
    ]
    assert alerts[0].effect.size == pytest.approx(-0.26, abs=0.12)
    assert alerts[0].detector.name == "ADWIN"


def test_signals_that_change_together_are_one_group_and_name_each_other() -> None:
    def both(matrix: np.ndarray, rng: np.random.Generator) -> None:
        shift(1)(matrix, rng)
        replace(CLASS, 1, 0.5)(matrix, rng)

    alerts, _ = stream(story(both, after=0))
    assert {alert.dedupe_key for alert in alerts} == {"fraud/size", "fraud/metric/class"}
    assert len({alert.group_key for alert in alerts}) == 1
    assert alerts[-1].also_drifting


def test_the_record_holds_both_sides_and_what_to_replay() -> None:
    profile, chosen = reference(), DriftSettings()
    matrix = story(shift(1), after=0)
    _, alerts, _ = run(make_watch(profile, chosen), one_partition(profile, chosen, evenly(len(matrix)), matrix))
    (alert,) = alerts
    onset = START + BEFORE // 2
    assert alert.alert_id == alert_id("fraud", "3", "size", profile.id, onset)
    assert alert.reference.n == 10_000 and alert.reference.mean == pytest.approx(50, abs=0.5)
    assert alert.current.mean == pytest.approx(60, abs=1) and alert.current.sd == pytest.approx(10, abs=1)
    assert alert.reference.histogram and alert.current.histogram
    assert alert.reference.histogram.edges == alert.current.histogram.edges
    assert sum(alert.current.histogram.counts) == alert.current.n == alert.evidence.events
    assert alert.detector.name == "CUSUM" and alert.detector.parameters == {"false_page_days": 30.0}
    assert alert.detector.statistic == alert.detector.threshold
    assert alert.runbook == "docs/runbooks/drift.md"
    assert alert.replay and alert.replay.topic == "events"
    first, last = alert.replay.partitions[0]
    assert first <= BEFORE <= last < BEFORE + 2400
    assert alert.onset.interval[0] <= alert.onset.at <= alert.onset.interval[1]


def test_without_offsets_from_the_worker_there_is_no_replay_range_to_claim() -> None:
    profile, chosen = reference(), DriftSettings()
    matrix = story(shift(1), after=0)
    bare = [
        msgspec.structs.replace(
            entry, slices=[msgspec.structs.replace(d, first_offset=None, last_offset=None) for d in entry.slices]
        )
        for entry in one_partition(profile, chosen, evenly(len(matrix)), matrix)
    ]
    _, alerts, _ = run(make_watch(profile, chosen), bare)
    assert [alert.replay for alert in alerts] == [None]


def test_late_events_are_counted_and_stay_out_of_the_blocks() -> None:
    profile, chosen = reference(), DriftSettings(allowed_lateness_ms=1000)
    times = evenly(4000)
    times[3000:3100] -= 1400
    _, _, figures = run(
        make_watch(profile, chosen), one_partition(profile, chosen, times, rows(np.random.default_rng(0), 4000), 100)
    )
    assert 0 < figures.late_events <= 100
    assert figures.events == 4000


def test_an_overlapping_range_is_counted_and_not_merged_twice() -> None:
    profile, chosen = reference(), DriftSettings()
    first = one_partition(profile, chosen, evenly(300), rows(np.random.default_rng(0), 300), 300)[0]
    wider = msgspec.structs.replace(first, last_offset=first.last_offset + 50)
    state, _, figures = run(make_watch(profile, chosen), [first, wider])
    assert (figures.events, figures.overlapping_events) == (300, 300)
    assert state.partitions[0].last_offset == 349


@pytest.mark.parametrize("change", [{"model": "other"}, {"version": "4"}, {"profile": "0123"}])
def test_what_another_model_version_or_profile_observed_is_left_alone(change: dict[str, str]) -> None:
    profile, chosen = reference(), DriftSettings()
    first = one_partition(profile, chosen, evenly(300), rows(np.random.default_rng(0), 300), 300)[0]
    _, _, figures = run(make_watch(profile, chosen), [msgspec.structs.replace(first, **change)])
    assert (figures.events, figures.foreign_observations) == (0, 1)


def test_cells_that_the_profile_does_not_have_are_not_counted_anywhere() -> None:
    profile, chosen = reference(), DriftSettings()
    size = Layout.of(profile).size
    stray = Observation("fraud", "3", profile.id, "events", 0, 0, 0, START, [SliceDelta(0, 1, {size: 1})])
    _, _, figures = run(make_watch(profile, chosen), [stray, idle(profile, 0)])
    assert (figures.events, figures.foreign_observations) == (0, 1)


odd = st.floats() | st.sampled_from([-1.0, 0.0, 1.0, 2.0, 7.0, 50.0, 1e308, -1e308, math.inf, math.nan])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(odd, odd, odd, odd), min_size=1, max_size=8), st.integers(1, 400), st.data())
def test_no_values_whatever_make_an_alert_or_figure_that_is_not_a_number(
    patterns: list[tuple[float, ...]], block_events: int, data: st.DataObject
) -> None:
    chosen = DriftSettings(block_events=block_events, persistence=1, recovery=1)
    odd_rows = np.array([patterns[index % len(patterns)] for index in range(1500)])
    calm = rows(np.random.default_rng(0), 1500)
    parts = [odd_rows, calm] if data.draw(st.booleans()) else [calm, odd_rows, calm]
    alerts, figures = stream(np.vstack(parts), chosen, per_second=data.draw(st.sampled_from([2000, 100])))
    for alert in alerts:
        assert _finite(msgspec.to_builtins(alert))
        assert b":null" not in msgspec.json.encode(alert)
    assert all(map(math.isfinite, figures.statistics.values()))


def _finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def test_another_detector_by_name_finds_what_is_a_change_only_against_what_was_before() -> None:
    chosen = DriftSettings(detectors=(DetectorSpec("PageHinkley", {"threshold": 20.0}),))
    matrix = rows(np.random.default_rng(8), 40_000)
    matrix[:20_000, SIZE] += 1.4
    matrix[20_000:, SIZE] -= 1.4
    alerts, _ = stream(matrix, chosen)
    assert (alerts[0].state, alerts[0].detector.name, alerts[0].detector.threshold) == ("firing", "PageHinkley", 20.0)
    assert encoded(alerts) == encoded(stream(matrix, chosen)[0])


@pytest.mark.parametrize("seed", [3, 6])
def test_an_alert_never_tells_less_evidence_than_it_needed(seed: int) -> None:
    """Told is the change since its likeliest onset, of the statistic that people understand best; another one may have
    proved it, or more blocks."""

    def even(matrix: np.ndarray, rng: np.random.Generator) -> None:
        matrix[:, SIZE] = rng.uniform(34, 70, len(matrix))

    for change in (shift(0.2), even):
        for per_second in (2000, 50):
            alerts, _ = stream(story(change, seed, during=20_000), seed=seed, per_second=per_second)
            assert alerts[0].state == "firing"
            assert alerts[0].evidence.nats >= alerts[0].evidence.needed


@pytest.mark.parametrize("timed", [True, False])
def test_answers_that_move_with_their_inputs_are_one_page_and_only_where_noise_is_known(*, timed: bool) -> None:
    def both(matrix: np.ndarray, rng: np.random.Generator) -> None:
        shift(1)(matrix, rng)
        replace(CLASS, 1, 0.5)(matrix, rng)

    matrix = rows(np.random.default_rng(0), 10_000)
    times = evenly(10_000, start=START - 10_000_000) if timed else None
    profile, chosen = calibrated(build_profile(SPECS, matrix, times), matrix, times), DriftSettings()
    changed = story(both, after=0)
    _, alerts, figures = run(make_watch(profile, chosen), one_partition(profile, chosen, evenly(len(changed)), changed))
    severities = {alert.dedupe_key: alert.severity for alert in alerts}
    assert severities == {"fraud/size": "ticket", "fraud/metric/class": "page" if timed else "ticket"}
    assert {alert.evidence.calibration for alert in alerts} == {"time" if timed else "rows"}
    assert all(alert.evidence.nats >= alert.evidence.needed for alert in alerts)
    assert sum(figures.firing.values()) == 2


def test_answers_that_are_seen_to_move_before_their_input_are_one_page_as_well() -> None:
    """The input moves two seconds later. Its alert, with an onset within a minute, is the page of the group."""

    def both(matrix: np.ndarray, rng: np.random.Generator) -> None:
        replace(CLASS, 1, 0.5)(matrix, rng)
        matrix[4000:, SIZE] += 10

    matrix = rows(np.random.default_rng(0), 10_000)
    times = evenly(10_000, start=START - 10_000_000)
    profile, chosen = calibrated(build_profile(SPECS, matrix, times), matrix, times), DriftSettings()
    changed = story(both, after=0, during=12_000)
    _, alerts, _ = run(make_watch(profile, chosen), one_partition(profile, chosen, evenly(len(changed)), changed))
    told = [(alert.dedupe_key, alert.severity) for alert in alerts if alert.state == "firing"]
    assert told == [("fraud/metric/class", "ticket"), ("fraud/size", "page")]
    assert len({alert.group_key for alert in alerts}) == 1
    assert alerts[-1].severity_reason.endswith("and the answers moved with it")
