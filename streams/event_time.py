"""Event times: RFC 3339 with an offset or epoch milliseconds in, RFC 3339 in UTC with milliseconds out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.preprocessing import time_part

EARLIEST_MS = time_part.EARLIEST_MS
"""0001-01-01T00:00:00Z: the range is that of four-digit years."""

LATEST_MS = time_part.LATEST_MS
"""9999-12-31T23:59:59.999Z"""

NO_TIME = EARLIEST_MS - 1
"""In an array of times: neither the event nor its record has one."""

Rfc3339: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
EventTime: TypeAlias = Annotated[int, msgspec.Meta(ge=EARLIEST_MS, le=LATEST_MS)] | Rfc3339 | None

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(time: int | datetime | None, timestamp_ms: int) -> int:
    """An event's time in ms since the epoch; without one, its record's timestamp (negative: the record has none)."""
    if time is None:
        return timestamp_ms if timestamp_ms >= 0 else NO_TIME
    return time if isinstance(time, int) else (time - _EPOCH) // _MILLISECOND


def times_ms(times: Sequence[int | datetime | None], timestamps_ms: Sequence[int]) -> NDArray[np.int64]:
    """`to_ms` of every event. What is out of range stays so, for `is_sound` to find."""
    try:
        return np.array(times, dtype=np.int64)  # the common case: all of them integers
    except TypeError:
        return np.array([to_ms(*pair) for pair in zip(times, timestamps_ms, strict=True)], dtype=np.int64)


def are_sound(times: NDArray[np.int64], timestamps_ms: NDArray[np.int64], max_ahead_s: int) -> NDArray[np.bool_]:
    """Which times are in range and at most `max_ahead_s` after their record's timestamp (where it has one)."""
    in_range = (times >= EARLIEST_MS) & (times <= LATEST_MS)
    return in_range & ((timestamps_ms < 0) | (times - timestamps_ms <= ahead_ms(max_ahead_s)))


def ahead_ms(max_ahead_s: int) -> int:
    # No two times are further apart than this; the setting may be any number.
    return min(max_ahead_s * 1000, LATEST_MS - EARLIEST_MS)


def rfc3339(times: NDArray[np.int64]) -> list[str]:
    """``2026-01-01T00:00:00.123Z`` for each."""
    # Neighbours share times as a rule, and a text takes far longer than to find that out.
    distinct, which = np.unique(times, return_inverse=True)
    texts = np.datetime_as_string(distinct.astype("datetime64[ms]"), timezone="UTC").astype(object)
    found: list[str] = texts[which.reshape(-1)].tolist()
    return found
