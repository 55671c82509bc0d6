"""Coded rows to events and back: a worker reads what was meant."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.scenarios import ScenarioError, parse
from models.schema import Feature, InputSchema, Kind, UnseenPolicy
from streams.coding import Coding
from streams.decoding import EventDecoder
from streams.limits import Limits
from streams.trial.drifted_events import MOST_VALUES, DriftedEvents, TooManyValues
from streams.trial.events import NEW_CATEGORY, EventEncoder
from tests.unit.trial.building import SPECS, START, rows

SCHEMA = InputSchema(
    (
        Feature("size", nullable=True),
        Feature("plan", Kind.CATEGORY, nullable=True, categories=("free", "pro"), unseen=UnseenPolicy.ACCEPT),
        Feature("active", Kind.BOOLEAN, nullable=True),
    )
)
NULL = st.just(math.nan)
ROW = st.tuples(
    st.floats(allow_nan=False, allow_infinity=False) | NULL,
    st.sampled_from([-1.0, 0.0, 1.0]) | NULL,
    st.sampled_from([0.0, 1.0]) | NULL,
)


@given(st.lists(ROW, min_size=1, max_size=20))
def test_a_worker_reads_the_matrix_that_was_written(drawn: list[tuple[float, ...]]) -> None:
    matrix = np.array(drawn)
    values = EventEncoder(SPECS).events(map(str, range(len(matrix))), [START] * len(matrix), matrix)
    decoded = EventDecoder(SCHEMA, Limits(), "reject").decode(values)
    assert decoded.refused == []
    assert np.array_equal(Coding(SCHEMA).matrix([event.features for event in decoded.events]), matrix, equal_nan=True)


def test_a_category_that_was_never_seen_is_one_that_nobody_has() -> None:
    matrix = np.array([[1.0, -1.0, 0.0]])
    assert EventEncoder(SPECS).features(matrix)[0]["plan"] == NEW_CATEGORY
    assert EventEncoder(SPECS, {NEW_CATEGORY}).features(matrix)[0]["plan"] not in {NEW_CATEGORY, "free", "pro"}


def drifted(count: int = 250, text: str = "shift:feature=size,at=150,until=200,size=2", seed: int = 0) -> DriftedEvents:
    return DriftedEvents(rows(100), [parse(text)], count=count, rate=400, start_ms=START, seed=seed, run="r")


def test_the_rows_of_the_file_come_again_and_again_and_change_where_it_was_said() -> None:
    plain, events = rows(100), drifted()
    found = EventDecoder(SCHEMA, Limits(), "reject").decode([value for _, value in events.take(0, 250)]).events
    sizes = Coding(SCHEMA).matrix([event.features for event in found])[:, 0]
    expected = plain.matrix[np.arange(250) % 100, 0]
    changed = np.flatnonzero(sizes != expected)
    assert (changed[0], changed[-1]) == (150, 199)
    assert [key for key, _ in events.take(99, 101)] == [b"row-99", b"row-0"]


def test_ids_are_all_different_and_times_even() -> None:
    events = drifted()
    found = EventDecoder(SCHEMA, Limits(), "reject").decode([value for _, value in events.take(0, 250)]).events
    assert [event.id for event in found] == [events.id_of(number) for number in range(250)]
    assert len({event.id for event in found}) == 250
    assert [event.time for event in found] == [START + int(number * 2.5) for number in range(250)]
    assert events.episodes[0].began_ms == found[150].time


def test_the_same_seed_gives_the_same_bytes() -> None:
    text = "nulls:feature=size,at=0,share=0.5"
    first, again, other = (drifted(text=text, seed=seed).take(0, 250) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_what_does_not_fit_is_refused_before_anything_is_made() -> None:
    with pytest.raises(TooManyValues, match="--duration"):
        drifted(count=MOST_VALUES)
    with pytest.raises(ScenarioError, match="at=150"):
        drifted(count=100)
