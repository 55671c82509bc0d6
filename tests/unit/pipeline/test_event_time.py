"""Times in and out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.event_time import EARLIEST_MS, LATEST_MS, NO_TIME, are_sound, rfc3339, times_ms


def test_times_are_written_in_utc_with_milliseconds():
    written = rfc3339(np.array([1_767_225_600_123, 0, -1, EARLIEST_MS, LATEST_MS]))
    assert written == [
        "2026-01-01T00:00:00.123Z",
        "1970-01-01T00:00:00.000Z",
        "1969-12-31T23:59:59.999Z",
        "0001-01-01T00:00:00.000Z",
        "9999-12-31T23:59:59.999Z",
    ]


@given(st.integers(EARLIEST_MS, LATEST_MS))
def test_what_is_written_can_be_read(ms):
    (text,) = rfc3339(np.array([ms]))
    read = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert (read - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) == ms


def test_datetimes_integers_and_none_mix():
    early = timezone(timedelta(hours=5))
    times = [datetime(1970, 1, 1, 5, 0, 0, 1999, tzinfo=early), 7, None, None]
    assert times_ms(times, [10, 11, 12, -1]).tolist() == [1, 7, 12, NO_TIME]


@pytest.mark.parametrize(
    ("time", "stamp", "sound"),
    [
        (EARLIEST_MS, 0, True),
        (EARLIEST_MS - 1, 0, False),
        (LATEST_MS, LATEST_MS, True),
        (LATEST_MS + 1, LATEST_MS, False),
        (301_000, 1_000, True),
        (301_001, 1_000, False),
        (LATEST_MS, -1, True),
        (5, 2**63 - 1, True),
    ],
)
def test_a_time_is_in_range_and_not_ahead_of_its_record(time, stamp, sound):
    assert are_sound(np.array([time]), np.array([stamp]), 300).tolist() == [sound]


def test_any_number_of_seconds_may_be_allowed():
    assert are_sound(np.array([LATEST_MS]), np.array([0]), 10**30).all()
