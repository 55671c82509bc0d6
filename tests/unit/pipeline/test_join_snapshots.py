"""Snapshots of the label join: what they hold comes back, and what does not fit together is refused."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import pytest

from streams.decider import StateUnusable
from streams.joining.log import SEGMENT
from streams.joining.outcomes import Fate
from streams.joining.records import Labels
from streams.joining.state import JoinState
from tests.unit.pipeline.real_join import MOST, WINDOW_MS, Real, answers, many


def test_many_segments_come_back_from_a_snapshot_and_only_what_grew_is_written() -> None:
    most = 3 * SEGMENT
    real = Real(window_ms=10**9, most=most)
    seen: dict[str, bytes] = {}
    for start in range(0, 10 * SEGMENT, 1000):
        real.take([(start, answers(*many(start, 1000)))])
        dumped = real.state.dump()
        assert len(dumped) <= most // SEGMENT + 3
        changed = [name for name, data in dumped.items() if seen.get(name) != data]
        assert len(changed) <= 3
        seen = dumped
    end = real.state.log.end
    real.restart()
    assert len(real.state) == most
    real.take([(1, Labels(list(many(end - 100, 100)), ["x"] * 100))])
    assert real.fates[Fate.JOINED] == 100
    real.take([(1, Labels(["e0"], ["x"]))])
    assert real.fates[Fate.JOINED] == 100


def test_a_smaller_cap_after_a_restart_forgets_the_oldest_and_says_so() -> None:
    real, total = Real(window_ms=10**9, most=5 * SEGMENT), 5 * SEGMENT
    for start in range(0, total, 1024):
        real.take([(1, answers(*many(start, 1024)))])
    before = real.state.dump()
    real.most = 100
    real.restart()
    assert real.state.dump() == before  # a snapshot that is written before anything came loses nothing
    real.take([(1, Labels(["e7", f"e{total - 7}"], ["x", "x"]))])
    assert (len(real.state), real.fates) == (100, Counter({Fate.JOINED: 1, Fate.MISSING: total - 98}))
    assert real.left.total() == total - 98


@pytest.mark.parametrize(
    "other", [{"head": b"\x80"}, {"entries-0": b"x"}, {"entries-0": b"x" * 50}, {"entries-1": b""}]
)
def test_a_snapshot_that_does_not_fit_together_is_refused(other: dict[str, bytes]) -> None:
    real = Real()
    real.take([(1, answers("a", "b"))])
    with pytest.raises(StateUnusable):
        JoinState.load(WINDOW_MS, MOST, {**real.state.dump(), **other})


@pytest.mark.parametrize("head", [-1, 3, 10**6])
def test_a_head_that_is_not_among_the_entries_is_refused(head: int) -> None:
    real = Real()
    real.take([(1, answers("a", "b"))])
    entries = real.state.dump()
    other = msgspec.msgpack.encode({**msgspec.msgpack.decode(entries["head"]), "head": head})
    with pytest.raises(StateUnusable, match="head"):
        JoinState.load(WINDOW_MS, MOST, {**entries, "head": other})


def test_a_snapshot_of_the_first_format_is_refused_as_such() -> None:
    """It coded texts as places in a table; the lane then replays what `joins` still has."""
    real = Real()
    real.take([(1, answers("a"))])
    entries = real.state.dump()
    head = msgspec.msgpack.decode(entries["head"])
    first = {"format": 1, **{name: value for name, value in head.items() if name != "format"}, "texts": ["x"]}
    with pytest.raises(StateUnusable, match="format"):
        JoinState.load(WINDOW_MS, MOST, {**entries, "head": msgspec.msgpack.encode(first)})


def test_an_entry_takes_some_tens_of_bytes() -> None:
    real = Real(window_ms=10**9, most=10**6)
    for start in range(0, 200_000, 1000):
        real.take([(1, answers(*many(start, 1000)))])
    assert real.state.size_bytes / 200_000 < 100
    assert np.isfinite(real.state.size_bytes)
