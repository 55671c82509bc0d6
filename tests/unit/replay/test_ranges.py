"""Which offsets are replayed, and what is said about those that are not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.replay.ranges import AskedRange, Extent, Held, RangeError, extents, parse_range, ranges_of_alert

OFFSETS = st.one_of(st.none(), st.integers(0, 60))


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("0", AskedRange(0)),
        ("12:100-200", AskedRange(12, 100, 200)),
        ("3:7-", AskedRange(3, 7)),
        ("3:-7", AskedRange(3, None, 7)),
        ("3:5-5", AskedRange(3, 5, 5)),
    ],
)
def test_a_range_of_a_partition(text: str, asked: AskedRange) -> None:
    assert parse_range(text) == asked


@pytest.mark.parametrize("text", ["", "a", "-1", "0:", "0:5", "0:9-8", "0:1-2-3", "0: 1-2", "٣:1-2"])
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(RangeError):
        parse_range(text)


@given(first=OFFSETS, last=OFFSETS, oldest=st.integers(0, 50), length=st.integers(0, 50))
def test_every_offset_asked_for_is_read_gone_or_not_written_yet(
    first: int | None, last: int | None, oldest: int, length: int
) -> None:
    if first is not None and last is not None and last < first:
        last = first
    held = Held(oldest, oldest + length)
    (found,) = extents([AskedRange(0, first, last)], {0: held})
    low = oldest if first is None else first
    wanted = set(range(low, held.end if last is None else last + 1))
    read = set(range(found.first, found.end))
    assert read == wanted & set(range(held.oldest, held.end))
    assert found.gone == len({each for each in wanted if each < held.oldest})
    assert found.ahead == len({each for each in wanted if each >= held.end})


def test_partitions_are_named_once_and_are_there() -> None:
    held = {0: Held(0, 10), 1: Held(3, 10)}
    assert extents([AskedRange(1), AskedRange(0, 2, 4)], held) == [
        Extent(0, 2, 5),
        Extent(1, 3, 10, from_oldest=True),
    ]
    with pytest.raises(RangeError, match="named twice"):
        extents([AskedRange(0, 1, 2), AskedRange(0, 5, 6)], held)
    with pytest.raises(RangeError, match="no partition 2; the topic has 0, 1"):
        extents([AskedRange(2)], held)


def test_an_alert_says_what_to_replay() -> None:
    told = {"alert_id": "a", "replay": {"topic": "events", "partitions": {"1": [5, 9], "0": [2, 2]}}}
    assert ranges_of_alert(told) == ("events", [AskedRange(0, 2, 2), AskedRange(1, 5, 9)])


@pytest.mark.parametrize(
    "replay",
    [
        None,
        {},
        [],
        "x",
        {"topic": "events"},
        {"topic": "events", "partitions": {}},
        {"topic": 1, "partitions": {"0": [1, 2]}},
    ]
    + [{"topic": "events", "partitions": {"0": broken}} for broken in ([1], ["a", "b"], None, [1, 2, 3])],
)
def test_an_alert_without_a_range_says_so(replay: Any) -> None:
    with pytest.raises(RangeError, match="names no records"):
        ranges_of_alert({"alert_id": "a", "replay": replay})
