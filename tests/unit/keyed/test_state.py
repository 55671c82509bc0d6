"""The state of a partition: the same values whatever the batches, restarts and redone decisions; bounded."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.keyed.definitions import KeyedFeature, KeyedFeatures
from models.keyed.offline import keyed_columns
from models.keyed.steps import KeyedSteps, encode_state
from streams.kafka.deliveries import MAX_MESSAGE_BYTES
from streams.keyed.advance import advance
from streams.keyed.state import ENTRY_BYTES, PREFIX, KeyedChange, KeyedState
from tests.unit.keyed.events import Row, events_of, lists_of_rows, matrix_of, steps_of

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
    small = filled(2000, [b"%064d" % n for n in range(2000)])
    assert max(map(len, small.dump().values())) <= ENTRY_BYTES < MAX_MESSAGE_BYTES
    assert all(name.startswith(PREFIX) for name in small.dump())


WIDE = KeyedFeatures(
    tuple(KeyedFeature(f"v{n}", "variance", of="amount", window_s=60 + n) for n in range(14)),
    ttl_s=90,
)


def filled(most: int, keys: list[bytes]) -> KeyedState:
    """A state of these keys, each of which keeps all that it can: some 6 KB."""
    full = tuple((number, (10**15, 1.5, 2.5)) for number in range(10**6, 10**6 + 16))
    kept = encode_state((10**15, *[full] * len(WIDE.features)))
    state = fresh(steps_of(WIDE), most)
    touched = {b"\x00" + key: (10**15 + n, 10**15, kept) for n, key in enumerate(keys)}
    state.apply(KeyedChange((), touched, 0, 0, len(touched)))
    return state


def test_keys_of_one_partition_of_kafka_spread_over_the_buckets() -> None:
    """Producers take the partition from a CRC-32 of the key, so that those of a partition have its low bits alike."""
    keys = [key for key in (b"%06d" % n for n in range(200_000)) if zlib.crc32(key) % 64 == 0]
    state = filled(len(keys), keys)
    assert len(state.dump()) > state._buckets * 0.9
    assert max(map(len, state.dump().values())) <= ENTRY_BYTES


def test_keys_chosen_for_one_bucket_are_several_entries_and_come_back() -> None:
    probe = fresh(steps_of(WIDE), 50_000)
    keys = [key for key in (b"%07d" % n for n in range(400_000)) if probe._bucket(b"\x00" + key) == 7][:380]
    state = filled(50_000, keys)
    dump = state.dump()
    assert sum(map(len, dump.values())) > MAX_MESSAGE_BYTES, "else they would fit one record"
    assert len(dump) > 2
    assert max(map(len, dump.values())) <= ENTRY_BYTES
    back = KeyedState.load(state.steps, 50_000, dump)
    assert list(back.kept.items()) == list(state.kept.items())
    assert back.dump() == dump
    state.apply(KeyedChange(list(state.kept)[:-1], {}, 0, 0, 1))
    assert len(state.dump()) == 1, "what they took is given back"


def test_a_snapshot_of_a_changed_key_looks_at_none_outside_of_its_bucket() -> None:
    steps = steps_of(COUNT)
    state = fresh(steps, 100_000)
    state.apply(advance(state, events_of(steps, [Row(b"%d" % n, 0, 0.0) for n in range(5000)]))[1])
    state.dump()
    state.apply(advance(state, events_of(steps, [Row(b"7", 1, 0.0)], 5000))[1])
    bucket = state._bucket(b"\x007")
    state.kept = Watched(state.kept)
    state.dump()
    assert {state._bucket(key) for key in state.kept.looked_at} == {bucket}


class Watched(OrderedDict[bytes, Any]):
    """Notes who is looked at, and does not let all be walked over."""

    def __init__(self, kept: OrderedDict[bytes, Any]) -> None:
        super().__init__(kept)
        self.looked_at: set[bytes] = set()

    def __getitem__(self, key: bytes) -> Any:
        self.looked_at.add(key)
        return super().__getitem__(key)

    def items(self) -> Any:
        raise AssertionError

    __iter__ = items


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
