"""The state of a partition: the same values whatever the batches, restarts and redone decisions; bounded."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.keyed.definitions import KeyedFeature, KeyedFeatures
from models.keyed.offline import keyed_columns
from models.keyed.steps import KeyedSteps, encode_state
from streams.keyed.advance import advance
from streams.keyed.state import BUCKET_BYTES, PREFIX, KeyedState
from tests.unit.keyed.events import EVERY, Row, events_of, lists_of_rows, matrix_of, steps_of

COUNT = KeyedFeatures((KeyedFeature("count", "count"), KeyedFeature("since", "time_since_last")), ttl_s=90)


def fresh(steps: KeyedSteps, most: int = 1000) -> KeyedState:
    return KeyedState(steps, most)


def one_by_one(steps: KeyedSteps, rows: list[Row], most: int) -> tuple[list[list[float]], KeyedState]:
    state, values = fresh(steps, most), []
    for offset, row in enumerate(rows):
        own, change = advance(state, events_of(steps, [row], offset))
        state.apply(change)
        values += own
    return values, state


def same(found: list[list[float]], expected: list[list[float]]) -> bool:
    return np.array(found).tobytes() == np.array(expected).tobytes()


@settings(max_examples=200)
@given(lists_of_rows(60), st.data(), st.sampled_from([1, 2, 3, 1000]))
def test_any_batches_restarts_and_redone_decisions_give_the_values_of_one_pass(
    rows: list[Row], data: st.DataObject, most: int
) -> None:
    steps = steps_of()
    expected, end = one_by_one(steps, rows, most)
    state, found, position = fresh(steps, most), [], 0
    snapshot, at = state.dump(), 0
    while position < len(rows):
        do = data.draw(st.sampled_from(["batch", "redo", "snapshot", "restart"]))
        if do == "snapshot":
            snapshot, at = dict(state.dump()), position
            continue
        if do == "restart":
            state = KeyedState.load(steps, most, snapshot)
            for begin in range(at, position, 7):  # the replay, in batches of its own
                part = rows[begin : min(begin + 7, position)]
                state.apply(advance(state, events_of(steps, part, begin))[1])
            snapshot, at = dict(state.dump()), position
            do = "batch"
        part = rows[position : position + data.draw(st.integers(1, 20))]
        values, change = advance(state, events_of(steps, part, position))
        if do == "redo":
            again, change = advance(state, events_of(steps, part, position))
            assert same(again, values)
        state.apply(change)
        found += values
        position += len(part)
    assert same(found, expected)
    assert state.dump() == end.dump()
    assert list(state.kept.items()) == list(end.kept.items()), "in the order in which they will go"
    assert len(state) <= most


@given(lists_of_rows(60, in_time=True))
def test_events_in_time_have_the_values_of_training(rows: list[Row]) -> None:
    steps = steps_of()
    values, _ = one_by_one(steps, rows, 1000)
    times = np.array([row.time_ms for row in rows], dtype=np.int64)
    offline = keyed_columns(steps, [row.key for row in rows], times, matrix_of(rows))
    assert np.array(values).reshape(offline.shape).tobytes() == offline.tobytes()


def test_a_repeated_event_is_answered_and_changes_nothing() -> None:
    steps = steps_of(COUNT)
    state = fresh(steps)
    rows = [Row(b"k", 0, 0.0), Row(b"k", 1000, 0.0), Row(b"k", 1000, 0.0), Row(b"k", 2000, 0.0)]
    values, change = advance(state, events_of(steps, rows), repeated={1})
    assert [value[0] for value in values] == [0.0, 1.0, 1.0, 2.0]
    assert values[1][1] == 1.0
    assert values[2][1] == 1.0
    state.apply(change)
    assert state.kept[b"\x00k"][0] == 3


def test_a_stream_of_new_keys_stays_within_the_cap_and_the_keys_seen_last_stay() -> None:
    steps = steps_of(COUNT)
    state, evicted = fresh(steps, 100), 0
    for batch in range(20):
        rows = [Row(b"%d" % (batch * 250 + n), 0, 0.0) for n in range(250)]
        rows.append(Row(b"always", 0, 0.0))
        values, change = advance(state, events_of(steps, rows, batch * 251))
        state.apply(change)
        evicted += change.evicted
        assert len(state) == 100
        assert values[-1][0] == 0, "250 others came since: it went with them"
    assert evicted == 20 * 251 - 100
    assert list(state.kept)[-1] == b"\x00always"
    assert len(KeyedState.load(steps, 10, state.dump())) == 10


def test_keys_that_no_event_comes_for_are_let_go_and_one_event_from_the_future_costs_few() -> None:
    steps = steps_of(COUNT)
    state = fresh(steps)
    _, change = advance(state, events_of(steps, [Row(b"%d" % n, 0, 0.0) for n in range(50)]))
    state.apply(change)
    _, change = advance(state, events_of(steps, [Row(b"far", 10**12, 0.0)], 50))
    assert (change.expired, len(change.removed)) == (2, 2)
    later = [Row(b"new", 91_000 + n, 0.0) for n in range(30)]
    _, change = advance(state, events_of(steps, later, 50))
    state.apply(change)
    assert change.expired == 50
    assert list(state.kept) == [b"\x00new"]


def test_only_buckets_with_a_change_are_encoded_again() -> None:
    steps = steps_of(COUNT)
    state = fresh(steps, 100_000)
    state.apply(advance(state, events_of(steps, [Row(b"%d" % n, 0, 0.0) for n in range(5000)]))[1])
    before = dict(state.dump())
    assert len(before) > 500
    state.apply(advance(state, events_of(steps, [Row(b"7", 1, 0.0)], 5000))[1])
    after = state.dump()
    assert sum(after[name] is not before[name] for name in before) == 1
    assert after.keys() == before.keys()


def test_entries_stay_small_where_every_key_keeps_all_that_it_can() -> None:
    steps = steps_of()
    state = fresh(steps, 10**9)
    assert state.most < 10**9, "so many could not be written"
    full = tuple((number, (10**15, 1.5, 2.5)) for number in range(10**6, 10**6 + 16))
    kept = encode_state((10**15, *[full] * len(EVERY.features)))
    state.kept = OrderedDict((b"\x00%064d" % n, (10**15, 0, kept)) for n in range(2000))
    small = KeyedState(steps, 2000)
    small.kept = state.kept
    small._changed = {small._bucket(key) for key in small.kept}
    assert max(map(len, small.dump().values())) < 2 * BUCKET_BYTES
    assert all(name.startswith(PREFIX) for name in small.dump())


def test_keys_come_back_from_a_snapshot_in_the_order_in_which_they_will_go() -> None:
    steps = steps_of(COUNT)
    state = fresh(steps, 1000)
    numbers = [n * 37 % 100 for n in range(100)]
    state.apply(advance(state, events_of(steps, [Row(b"%d" % n, 0, 0.0) for n in numbers]))[1])
    back = KeyedState.load(steps, 1000, state.dump())
    assert len(back.dump()) > 5, "in several buckets"
    assert list(back.kept.items()) == list(state.kept.items())
    smaller = KeyedState.load(steps, 30, state.dump())
    assert [*smaller.kept] == [b"\x00%d" % n for n in numbers[-30:]]
