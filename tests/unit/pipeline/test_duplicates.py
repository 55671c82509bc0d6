"""The window against a naive model, through dumps, loads and batches that are redone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.duplicates import LONGEST_ID, SEGMENT_OFFSETS, AnsweredIds, DuplicateWindow

IDS = st.sampled_from(["a", "b", "c", "d", "e", "x" * LONGEST_ID, "x" * (LONGEST_ID + 1), "y" * 300, "\x00é"])
STEPS = st.lists(st.tuples(st.integers(1, 700), IDS), max_size=12)


class Naive:
    """Every answered event since the beginning."""

    def __init__(self, window: int) -> None:
        self.window, self.seen = window, []

    def find(self, offsets, ids):
        seen, found = list(self.seen), {}
        for index, (offset, id_) in enumerate(zip(offsets, ids, strict=True)):
            earlier = [o for o, other in seen if other == id_ and offset - o <= self.window]
            if earlier:
                found[index] = max(earlier)
            seen.append((offset, id_))
        return found


@settings(max_examples=400, deadline=None)
@given(
    window=st.sampled_from([1, 2, 600, 1024, 3000]), batches=st.lists(st.tuples(STEPS, st.integers(0, 3)), max_size=15)
)
def test_the_window_agrees_with_a_naive_model(window, batches):
    naive, state, last = Naive(window), DuplicateWindow(window), -1
    for steps, then in batches:
        offsets, ids = [], []
        for step, id_ in steps:
            last += step
            offsets.append(last)
            ids.append(id_)
        expected = naive.find(offsets, ids)
        for _ in range(1 + then % 2):  # a batch may be decided twice
            assert state.find(AnsweredIds(offsets, ids)) == expected
        naive.seen += zip(offsets, ids, strict=True)
        state.apply(AnsweredIds(offsets, ids))
        if then >= 2:
            entries = state.dump()
            state = DuplicateWindow.load(window, entries)
            assert state.dump() == entries


@settings(max_examples=200, deadline=None)
@given(steps=STEPS, cut=st.integers(0, 12), window=st.sampled_from([1, 1500]))
def test_the_dump_depends_on_the_events_and_not_on_the_batches(steps, cut, window):
    offsets, last = [], 0
    for step, _ in steps:
        last += step
        offsets.append(last)
    ids = [id_ for _, id_ in steps]
    whole, parts = DuplicateWindow(window), DuplicateWindow(window)
    whole.apply(AnsweredIds(offsets, ids))
    parts.apply(AnsweredIds(offsets[:cut], ids[:cut]))
    parts.dump()
    parts.apply(AnsweredIds(offsets[cut:], ids[cut:]))
    assert whole.dump() == parts.dump()


def test_finding_changes_nothing():
    state = DuplicateWindow(100)
    state.apply(AnsweredIds([0, 1], ["a", "b"]))
    before = state.dump()
    assert state.find(AnsweredIds([2, 3], ["a", "c"])) == {0: 0}
    assert state.dump() == before


def test_entries_and_their_names_are_bounded():
    window = 5 * SEGMENT_OFFSETS + 7
    state, names = DuplicateWindow(window), set()
    for start in range(0, 40 * SEGMENT_OFFSETS, 500):
        state.apply(AnsweredIds(range(start, start + 500), [f"id-{i}" for i in range(start, start + 500)]))
        entries = state.dump()
        names |= entries.keys()
        assert len(entries) <= window // SEGMENT_OFFSETS + 2
    assert len(names) == window // SEGMENT_OFFSETS + 2


def test_only_the_segments_that_grew_are_written_anew():
    state = DuplicateWindow(10_000)
    state.apply(AnsweredIds(range(3000), [f"id-{i}" for i in range(3000)]))
    before = state.dump()
    state.apply(AnsweredIds(range(3000, 3010), [f"id-{i}" for i in range(3000, 3010)]))
    after = state.dump()
    assert {name for name in after if after[name] != before.get(name)} == {"ids-2"}


def test_long_ids_cannot_make_an_entry_too_large_for_kafka():
    state = DuplicateWindow(SEGMENT_OFFSETS)
    state.apply(AnsweredIds(range(SEGMENT_OFFSETS), [chr(1) * 60_000 + str(i) for i in range(SEGMENT_OFFSETS)]))
    state.apply(AnsweredIds(range(1024, 2048), [chr(1) * 60 + f"{i:04}" for i in range(SEGMENT_OFFSETS)]))
    assert max(map(len, state.dump().values())) < 500_000


def test_a_smaller_window_after_a_restart_forgets_and_a_larger_one_goes_on():
    state = DuplicateWindow(4000)
    state.apply(AnsweredIds(range(0, 8000, 2), [f"id-{i}" for i in range(0, 8000, 2)]))
    larger, smaller = DuplicateWindow.load(9000, state.dump()), DuplicateWindow.load(10, state.dump())
    assert larger.find(AnsweredIds([8000], ["id-5000"])) == {0: 5000}
    assert smaller.find(AnsweredIds([8000], ["id-5000"])) == {}
    assert smaller.find(AnsweredIds([8000], ["id-7998"])) == {0: 7998}


def test_a_window_of_nothing_keeps_nothing():
    state = DuplicateWindow(0)
    state.apply(AnsweredIds([0], ["a"]))
    assert state.find(AnsweredIds([1, 2], ["a", "a"])) == {} and state.dump() == {}
