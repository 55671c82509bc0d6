"""A cached answer is the model's own, of the same version and features; a cache is bounded and rests where it costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.fallback import Fallback
from models.manifest import Parity
from models.prediction import FloatMatrix
from streams.contracts import ServedBy
from streams.ladder.breaker import Breaker
from streams.ladder.building import make_ladder
from streams.ladder.cache import MOST_KEY_BYTES, AnswerCache
from streams.ladder.caching import SAMPLE_ROWS
from streams.ladder.degradation import CacheUse
from streams.ladder.worth import MEASURED_BATCHES, TRIAL_EVERY, CacheWorth
from tests.unit.pipeline.fakes import ToyModel, unprepared
from tests.unit.pipeline.test_blame import refusing, rows_of
from tests.unit.pipeline.test_ladder import World, manifest


def numbered(numbers: list[int]) -> FloatMatrix:
    return rows_of(max(numbers, default=0) + 1)[numbers]


BATCHES = st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=20), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None)
@given(batches=BATCHES, most=st.integers(1, 40))
def test_a_cache_never_changes_the_bits_of_a_healthy_model(batches: list[list[int]], most: int) -> None:
    model = ToyModel()
    ladder = make_ladder(
        model,
        manifest(Fallback(cache=True)),
        previous=None,
        clock=lambda: 0.0,
        breaker=Breaker(),
        cache=AnswerCache(5, most),
    )
    for batch in batches:
        answers, expected = ladder(unprepared(numbered(batch))), ToyModel().predict(numbered(batch))
        assert (answers.rows, answers.degraded, answers.blamed) == (list(range(len(batch))), {}, [])
        assert answers.predictions.values == expected.values
        assert answers.predictions.scores == expected.scores
        assert (answers.predictions.class_scores == expected.class_scores).all()
        assert (answers.predictions.outputs == expected.outputs).all()


def test_what_was_answered_is_not_asked_again() -> None:
    world = World(Fallback(cache=True))
    world.ladder(rows_of(10))
    world.ladder(rows_of(12))
    assert world.model.calls == [10, 2]
    assert world.ladder(rows_of(12)).cache == CacheUse(lookups=12, hits=12, oldest_s=0.0)


@settings(max_examples=100, deadline=None)
@given(batches=BATCHES, most=st.integers(1, 10))
def test_it_is_bounded_and_keeps_what_was_used_last(batches: list[list[int]], most: int) -> None:
    cache, used = AnswerCache(5, most), []
    for batch in batches:
        cache.put(numbered(batch), ToyModel().predict(numbered(batch)), 0.0)
        used += batch
        kept = list(dict.fromkeys(reversed(used)))[:most]
        assert len(cache) == len(kept) <= most
        rows, found = cache.find(numbered(sorted(kept)), 0.0)
        assert rows == list(range(len(kept)))
        assert found.scores == ToyModel().predict(numbered(sorted(kept))).scores
        used += sorted(kept)


def test_keys_are_bounded_in_bytes_too() -> None:
    wide = AnswerCache(columns=MOST_KEY_BYTES // 8 // 2)
    matrix = np.arange(3.0)[:, np.newaxis] * np.ones((1, MOST_KEY_BYTES // 8 // 2))
    wide.put(matrix, ToyModel().predict(rows_of(3)), 0.0)
    assert len(wide) == 2


@pytest.mark.parametrize("parity", [Parity.BITS, Parity.TOLERANCE])
def test_answers_of_a_batch_with_rows_to_blame_are_kept_under_their_own_rows(parity: Parity) -> None:
    world = World(Fallback(cache=True, default="no"), parity=parity, bad={0, 3})
    world.ladder(rows_of(6))
    world.bad = set(range(6))
    answers, expected = world.ladder(rows_of(6)).predictions, ToyModel().predict(rows_of(6))
    for row in (1, 2, 4, 5):
        assert (answers.scores or [])[row] == (expected.scores or [])[row]
        assert (answers.outputs[row] == expected.outputs[row]).all()


def test_every_loaded_version_begins_with_an_empty_cache() -> None:
    first, second = World(Fallback(cache=True)), World(Fallback(cache=True))
    first.ladder(rows_of(5))
    use = second.ladder(rows_of(5)).cache
    assert use is not None and use.hits == 0


def test_as_a_rung_it_answers_what_the_version_answered_before_and_tells_the_age() -> None:
    world = World(Fallback(cache=True, default="no"), parity=Parity.TOLERANCE)
    expected = world.ladder(rows_of(5)).predictions
    world.bad, world.now = {1, 3, 6}, world.now + 30.0
    answers = world.ladder(rows_of(8))
    assert {row: how.served_by for row, how in answers.degraded.items()} == {
        1: ServedBy.CACHE, 3: ServedBy.CACHE, 6: ServedBy.DEFAULT,
    }  # fmt: skip
    assert [answers.predictions.values[row] for row in (1, 3)] == [expected.values[row] for row in (1, 3)]
    assert [(answers.predictions.scores or [])[row] for row in (1, 3)] == [(expected.scores or [])[r] for r in (1, 3)]
    assert answers.cache == CacheUse(lookups=3, hits=2, oldest_s=30.0)


def test_what_stood_in_for_the_model_is_never_remembered_as_its_answer() -> None:
    world = World(Fallback(cache=True, default="no"), bad=set(range(8)))
    world.ladder(rows_of(8))
    again = world.ladder(rows_of(8))
    assert {how.served_by for how in again.degraded.values()} == {ServedBy.DEFAULT}


def test_answers_that_depend_on_their_batch_are_never_taken_while_the_model_is_healthy() -> None:
    world = World(Fallback(cache=True), parity=Parity.TOLERANCE)
    world.ladder(rows_of(10))
    world.ladder(rows_of(10))
    assert world.model.calls == [10, 10]


@pytest.mark.parametrize(("model_s", "pays"), [(1e-4, True), (1e-7, False)])
def test_it_rests_where_looking_up_costs_more_than_the_model(model_s: float, pays: bool) -> None:
    worth = CacheWorth()
    for _ in range(MEASURED_BATCHES):
        assert worth.look_up()
        worth.asked(100, 100 * model_s)
        worth.looked_up(200, 100, 200 * 1e-6)
    assert worth.pays is pays
    looked = sum(worth.look_up() for _ in range(2 * TRIAL_EVERY))
    assert looked == (2 * TRIAL_EVERY if pays else 2)


def test_a_resting_cache_goes_on_only_when_it_clearly_pays() -> None:
    def measured(worth: CacheWorth, model_s: float) -> bool:
        for _ in range(20 * MEASURED_BATCHES):
            worth.asked(100, 100 * model_s)
            worth.looked_up(100, 100, 100 * 1e-6)
        return worth.pays

    worth = CacheWorth()
    assert measured(worth, 1.1e-6), "on, and it pays a little"
    assert not measured(worth, 0.9e-6)
    assert not measured(worth, 1.1e-6), "the same little is not enough to go on"
    assert measured(worth, 1.3e-6)


def test_a_resting_cache_stores_a_sample_of_each_batch_and_the_rest_in_time() -> None:
    world = World(Fallback(cache=True, default="no"), parity=Parity.TOLERANCE)
    total = 4 * SAMPLE_ROWS
    world.ladder(rows_of(total))
    world.fail = refusing(set(range(total)))
    answers = world.ladder(rows_of(total))
    by_cache = [row for row, how in answers.degraded.items() if how.served_by is ServedBy.CACHE]
    assert len(by_cache) == SAMPLE_ROWS
    world.fail = None
    world = World(Fallback(cache=True, default="no"), parity=Parity.TOLERANCE)
    for _ in range(4):
        world.ladder(rows_of(total))
    world.fail = refusing(set(range(total)))
    assert {how.served_by for how in world.ladder(rows_of(total)).degraded.values()} == {ServedBy.CACHE}
