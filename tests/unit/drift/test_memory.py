"""What is remembered of past blocks: few samples, many events, the latest as they came."""

from __future__ import annotations

from itertools import pairwise

import pytest

from drift.blocks import Span
from drift.memory import AS_THEY_CAME, HISTORY, remembered


def after(blocks: int, most: int) -> list[Span]:
    past: list[Span] = []
    for number in range(blocks):
        past = remembered([*past, Span(number, number + 1, {0: (number, number)})], most, Span.plus)
    return past


@pytest.mark.parametrize("most", [1, 20])
def test_it_is_bounded_and_without_a_gap(most: int) -> None:
    past = after(2000, most)
    assert len(past) == HISTORY
    assert all(before.end == later.start for before, later in pairwise(past))
    assert past[-1].end == 2000
    assert all(span.offsets[0] == (span.start, span.end - 1) for span in past)
    assert all(span.blocks == span.end - span.start <= most for span in past)


def test_old_blocks_are_joined_and_the_latest_are_not() -> None:
    past = after(2000, 20)
    assert [span.blocks for span in past[-AS_THEY_CAME:]] == [1] * AS_THEY_CAME
    assert sum(span.blocks for span in past) > 400, "ten times as many as there are samples"
    assert sum(span.blocks for span in after(2000, 1)) == HISTORY
