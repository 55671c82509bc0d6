"""Who is put to the model together, by a clock moved by hand."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.http.gathering import Gathering


def test_who_comes_alone_waits_for_nobody() -> None:
    gathering: Gathering[str] = Gathering(gather_s=0.002, max_rows=10)
    for at in (0.0, 0.0001, 5.0):
        gathering.add("one", 1, at)
        assert gathering.due_in(at) == 0.0
        assert gathering.take() == ["one"]
        assert gathering.due_in(at) is None
        gathering.ended(at)
    assert gathering.is_idle


def test_under_load_a_request_waits_for_others_and_no_longer_than_it_may() -> None:
    gathering: Gathering[str] = Gathering(gather_s=0.002, max_rows=10)
    gathering.add("first", 1, 0.0)
    gathering.take()
    gathering.add("second", 1, 0.010)
    gathering.add("third", 1, 0.011)
    assert gathering.due_in(0.011) is None, "the model works"
    gathering.ended(0.011)
    assert gathering.due_in(0.011) == pytest.approx(0.002), "what it waited for the model does not count"
    assert gathering.due_in(0.012) == pytest.approx(0.001)
    assert gathering.due_in(0.0131) == 0.0
    assert gathering.take() == ["second", "third"]
    gathering.ended(0.013)
    gathering.add("fourth", 1, 0.014)
    assert gathering.due_in(0.014) == pytest.approx(0.002), "there was company a moment ago"
    gathering.add("fifth", 9, 0.014)
    assert gathering.due_in(0.014) == 0.0, "the batch is full"


def test_who_waits_no_more_is_let_go_and_its_rows_no_longer_fill_a_batch() -> None:
    gathering: Gathering[str] = Gathering(gather_s=0.002, max_rows=10)
    for name, rows in (("first", 1), ("gone", 9), ("stays", 2), ("gone too", 1)):
        gathering.add(name, rows, 0.0)
    gathering.discard("gone too")
    assert gathering.take() == ["first", "gone"]
    gathering.discard("first")  # of a batch that is asked: nothing to let go
    gathering.ended(0.0)
    gathering.add("large", 8, 0.0)
    assert gathering.due_in(0.0) == 0.0, "the batch is full"
    gathering.discard("large")
    assert gathering.due_in(0.0) == pytest.approx(0.002), "it has room again"
    assert gathering.take() == ["stays"]
    gathering.ended(0.0)
    assert gathering.is_idle


def test_nobody_waits_once_all_are_back_who_were_there_a_moment_ago() -> None:
    gathering: Gathering[str] = Gathering(gather_s=0.002, max_rows=100)
    gathering.add("a", 1, 0.0)
    assert gathering.take() == ["a"]
    gathering.add("b", 1, 0.001)
    gathering.ended(0.001)
    assert gathering.due_in(0.001) == pytest.approx(0.002), "a was answered just now, and may ask again"
    gathering.add("a again", 5, 0.0011)
    assert gathering.due_in(0.0011) == 0.0
    assert gathering.take() == ["b", "a again"]
    gathering.ended(0.002)
    gathering.add("one went away", 1, 0.003)
    assert gathering.due_in(0.003) == pytest.approx(0.002), "for two, who do not come"
    assert gathering.due_in(0.005) == pytest.approx(0.0)
    gathering.take()
    gathering.ended(0.013)
    gathering.add("alone", 1, 0.020)
    assert gathering.due_in(0.020) == 0.0, "waited for once, not for ever"


def test_after_a_pause_nobody_is_expected() -> None:
    gathering: Gathering[str] = Gathering(gather_s=0.002, max_rows=100)
    for name in ("a", "b", "c"):
        gathering.add(name, 1, 0.0)
    gathering.take()
    gathering.ended(0.001)
    gathering.add("an hour later", 1, 3600.0)
    assert gathering.due_in(3600.0) == 0.0


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_every_request_is_taken_once_in_its_order_and_batches_are_bounded(
    sizes: list[int], draw: random.Random
) -> None:
    gathering: Gathering[int] = Gathering(gather_s=1.0, max_rows=10)
    taken: list[int] = []
    waiting, now, running = list(enumerate(sizes)), 0.0, False
    while len(taken) < len(sizes):
        now += draw.random()
        if waiting and draw.random() < 0.5:
            gathering.add(*waiting.pop(0), now)
        if running and draw.random() < 0.5:
            gathering.ended(now)
            running = False
        due = gathering.due_in(now)
        assert due is None or 0.0 <= due <= 1.0 + 1e-9
        if due == 0.0:
            batch = gathering.take()
            running = True
            assert len(batch) == 1 or sum(sizes[index] for index in batch) <= 10
            taken += batch
    assert taken == list(range(len(sizes)))
