"""The detectors of the table at work: what they are fed, and at which row they speak."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
from msgspec.structs import replace
from river.drift import ADWIN

from benchmarks.drift import weir
from benchmarks.drift.budget import Stream, Tally, simulated
from benchmarks.drift.cases import CHUNK, changed, stationary
from benchmarks.drift.contenders import ON_ERRORS, ON_VALUES, WEIR, Always
from benchmarks.drift.errors import LEARNT, error_case, generated_concepts
from benchmarks.drift.measure import measure
from benchmarks.drift.processes import BOOLEAN, FAST, Rate, daily, normal, numbers, rows_of
from benchmarks.drift.scoring import Mark
from benchmarks.drift.suite import suite
from benchmarks.drift.targets import TARGETS
from benchmarks.drift.weir import Blocks, marked
from drift.scenarios import Rows

SHIFT = changed("shift", numbers("f1"), normal(), "shift:feature=f1,size=1", trials=1, allowed=2 * CHUNK)


def rows(values: np.ndarray, first: int = 0) -> Rows:
    return Rows(numbers("f1"), values.reshape(-1, 1), FAST.times(first, len(values)))


def test_river_is_fed_every_value_in_order_and_speaks_at_the_value_it_fired_on() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(0, 1, 3000), rng.normal(2, 1, 1000)])
    plain, expected = ADWIN(), []
    for seen, value in enumerate(values.tolist(), 1):
        plain.update(value)
        if plain.drift_detected:
            expected.append(seen)
    values = np.insert(values, 1000, math.nan)  # a null is left out, and counts as a row
    run = ON_VALUES["ADWIN"].start(rows(values))
    marks = [mark for at in range(0, len(values), 700) for mark in run.feed(rows(values[at : at + 700], at))]
    assert expected
    assert [mark.seen for mark in marks] == [seen + 1 for seen in expected]


@pytest.mark.parametrize("chunk", [1, 99, 100, 250])
def test_always_fires_each_hundred_rows_however_they_come(chunk: int) -> None:
    values = np.zeros(450)
    run = Always(rows(values))
    marks = [mark for at in range(0, 450, chunk) for mark in run.feed(rows(values[at : at + chunk]))]
    assert [mark.seen for mark in marks] == [100, 200, 300, 400]


def test_weir_speaks_at_the_end_of_a_block_and_says_when_it_is_over() -> None:
    trial = SHIFT.draw(0, 5)
    run = ON_VALUES[WEIR].start(trial.reference)
    marks = [mark for part in trial.chunks for mark in run.feed(part)] + run.finish()
    assert [mark.what for mark in marks] == ["alarm", "resolved"]
    (episode,) = trial.truth.episodes
    assert episode.first_row < marks[0].seen <= episode.first_row + 4000 and marks[0].seen % 200 == 0
    assert episode.end_row < marks[1].seen <= episode.end_row + 4000


def test_weir_knows_the_row_of_an_alert_on_a_stream_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    def marks() -> list[Mark]:
        trial = SHIFT.draw(0, 5)
        run = ON_VALUES[WEIR].start(trial.reference)
        return [mark for part in trial.chunks for mark in run.feed(part)] + run.finish()

    whole = marks()
    monkeypatch.setattr(weir, "KEPT_TIMES", 11_000)  # 10,000 rows wait for late events
    assert marks() == whole


def test_what_is_only_logged_reaches_nobody_and_an_update_is_nothing_new() -> None:
    trial = SHIFT.draw(0, 5)
    blocks = Blocks(trial.reference, 200)
    alert = blocks.run(np.random.default_rng(1).standard_normal((50 * 200, 1)) + 1)[0]
    assert marked(alert) == "alarm"
    assert marked(replace(alert, state="resolved")) == "resolved"
    assert marked(replace(alert, state="updated")) is None
    assert marked(replace(alert, severity="log")) == "logged"


def test_a_case_scores_all_its_detectors_on_the_same_rows() -> None:
    results = {result.detector: result.score for result in measure(SHIFT, 5)}
    assert set(results) == set(ON_VALUES)
    assert results["never"].missed == 1 and results["never"].alarms == 0
    assert results["always"].delay == 100 and results["always"].per_million == 10_000
    assert results["ADWIN"].missed == results[WEIR].missed == 0
    assert results[WEIR].resolves == 1
    # Bounded, as each of its values costs hundreds of microseconds.
    assert results["KSWIN"].quiet == 1000


def test_an_error_stream_is_calm_until_the_concept_changes() -> None:
    def concept(number: int, seed: int):
        rng = np.random.default_rng(seed)
        while True:
            x = float(rng.random())
            yield {"x": x}, bool(x > 0.5) ^ bool(number)

    case = error_case("errors", generated_concepts(concept, 0, 1), "a threshold", 1)
    trial = case.draw(0, 3)
    errors = np.concatenate([part.matrix[:, 0] for part in trial.chunks])
    (episode,) = trial.truth.episodes
    assert len(errors) == trial.truth.rows == episode.first_row + LEARNT
    assert errors[: episode.first_row].mean() < 0.01
    assert errors[episode.first_row :].mean() > 0.99
    results = {result.detector: result.score for result in measure(case, 3)}
    assert set(results) == set(ON_ERRORS)
    assert results["DDM"].missed == results["HDDM_A"].missed == 0


def test_a_trial_is_the_same_for_its_seed_and_another_for_another() -> None:
    def first(seed: int) -> bytes:
        case = stationary("n", "", numbers("f1"), normal(), rows=CHUNK, trials=1)
        trial = case.draw(0, seed)
        return trial.reference.matrix.tobytes() + next(trial.chunks).matrix.tobytes()

    assert first(1) == first(1) != first(2)


def test_a_season_goes_on_from_the_reference_into_the_stream() -> None:
    case = stationary(
        "s", "", numbers("f1"), daily(1.0, 2500), rows=CHUNK, trials=1, reference=CHUNK, rate=Rate(2500 / 86_400)
    )
    trial = case.draw(0, 1)
    live = next(trial.chunks)
    assert int(live.times_ms[0] - trial.reference.times_ms[0]) % 86_400_000 == 0
    by_hour = live.matrix[:, 0].reshape(4, 25, 100).mean(axis=(0, 2))
    assert by_hour[6] > 0.8 and by_hour[18] < -0.8


def test_names_are_unique_and_targets_are_about_cases() -> None:
    names = [case.name for case in suite(None, 0.1)]
    assert len(set(names)) == len(names)
    recorded = {"elec2", "errors-abrupt", "errors-gradual"}
    assert {target.case for target in TARGETS} <= {*names, *recorded}


def test_blocks_are_those_of_their_rows_and_nothing_happens_in_them() -> None:
    rng = np.random.default_rng(2)
    reference = rows_of(numbers("f1"), normal()(rng), FAST, CHUNK)
    blocks = Blocks(reference, 200)
    assert (blocks.pace.events, blocks.pace.interval_ms) == (200, 1000)
    assert blocks.run(rng.standard_normal((600 * 200, 1))) == []
    assert [alert.state for alert in blocks.run(rng.standard_normal((60 * 200, 1)) + 1)][:1] == ["firing"]


def test_a_budget_is_simulated_in_days_of_blocks_that_hold_the_rows_of_their_time() -> None:
    """At two events a second a block of thirty is judged every 15 seconds; the day's rows come as one process."""
    rows = []

    def process(_rng: np.random.Generator) -> Iterator[np.ndarray]:
        number = 0
        while True:
            rows.append(number)
            yield (np.arange(number, number + CHUNK) % 2.0).reshape(-1, 1)
            number += CHUNK

    stream = Stream("even", 2, lambda per_day: process if per_day == 2 * 86_400 else normal(), 1, reference=CHUNK)
    total = Tally()
    for more in itertools.islice(simulated(stream, 1), 12):
        total.add(more)
    assert (total.blocks, total.days) == (1200, pytest.approx(1200 * 15 / 86_400))
    assert len(rows) == 1 + 4 and not total.alarms  # 1,200 blocks of 30 after the reference


def test_a_budget_counts_what_fires_and_bounds_it_by_the_month() -> None:
    def moves(rng: np.random.Generator) -> Iterator[np.ndarray]:
        yield rng.standard_normal((CHUNK, 2))
        while True:
            yield rng.standard_normal((CHUNK, 2)) + 1

    stream = Stream("moves", 2, lambda _: moves, 2, reference=CHUNK)
    found = next(iter(simulated(stream, 1)))
    assert found.alarms == {"ticket": 1, "page": 1}  # the answer moves with its input
    found.days = 30
    assert found.bound(["page"]) == pytest.approx(4.744, abs=0.001)


@pytest.mark.parametrize(
    ("per_second", "events", "interval"), [(100_000, 10_000, 100), (2000, 200, 100), (2, 30, 15_000)]
)
def test_blocks_come_as_the_settings_close_them(per_second: float, events: int, interval: int) -> None:
    rng = np.random.default_rng(2)
    pace = Blocks(rows_of(BOOLEAN, normal()(rng), FAST, CHUNK), per_second).pace
    assert (pace.events, pace.interval_ms) == (events, interval)
