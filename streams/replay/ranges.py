"""Which records of a topic are replayed: what was asked for, held against what the broker still has. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

RANGE = re.compile(r"(\d{1,9})(?::(\d{0,18})-(\d{0,18}))?", re.ASCII)


class RangeError(Exception):
    """A range that cannot be replayed; the message says why."""

    exit_code = 2


class AskedRange(NamedTuple):
    """Offsets of a partition, both included, as in an alert. None: the oldest, the newest."""

    partition: int
    first: int | None = None
    last: int | None = None


class Held(NamedTuple):
    """What the broker has of a partition: its oldest offset, and the one that its next record gets."""

    oldest: int
    end: int


class Extent(NamedTuple):
    """Offsets [`first`, `end`) of a partition. `gone` were asked for and are not held any more, `ahead` were asked for
    and are not written yet. `from_oldest`: it begins with the oldest record that is left, and there were older ones."""

    partition: int
    first: int
    end: int
    gone: int = 0
    ahead: int = 0
    from_oldest: bool = False


def parse_range(text: str) -> AskedRange:
    """``0:100-200``, ``0:100-`` or ``0``. Raises RangeError."""
    found = RANGE.fullmatch(text)
    if found is None:
        raise RangeError(f"{text!r} is no range of a partition such as 0:100-200, 0:100- or 0")
    first, last = (int(bound) if bound else None for bound in (found[2], found[3]))
    if first is not None and last is not None and last < first:
        raise RangeError(f"{text!r} ends before it begins")
    return AskedRange(int(found[1]), first, last)


def ranges_of_alert(alert: Mapping[str, Any]) -> tuple[str, list[AskedRange]]:
    """The topic and the ranges that an alert says to replay. Raises RangeError where it says none."""
    told = alert.get("replay")
    try:
        assert isinstance(told, dict)
        topic = told["topic"]
        ranges = [AskedRange(int(p), int(first), int(last)) for p, (first, last) in told["partitions"].items()]
    except (AssertionError, KeyError, TypeError, ValueError, AttributeError):
        topic, ranges = None, []
    if not isinstance(topic, str) or not ranges:
        raise RangeError(
            f"alert {alert.get('alert_id')} names no records: it is about what did not come, or its onset is too "
            "long ago; fix: name the time with --since and --until"
        )
    return topic, sorted(ranges)


def extents(asked: Sequence[AskedRange], held: Mapping[int, Held]) -> list[Extent]:
    """What can be read of each range, by partition. Raises RangeError."""
    partitions = [each.partition for each in asked]
    if repeated := sorted({p for p in partitions if partitions.count(p) > 1}):
        raise RangeError(f"partition {repeated[0]} is named twice; fix: give it one range")
    if unknown := sorted(set(partitions) - held.keys()):
        raise RangeError(f"there is no partition {unknown[0]}; the topic has {', '.join(map(str, sorted(held)))}")
    return [_extent(each, held[each.partition]) for each in sorted(asked)]


def _extent(asked: AskedRange, held: Held) -> Extent:
    first = held.oldest if asked.first is None else asked.first
    end = held.end if asked.last is None else asked.last + 1
    return Extent(
        asked.partition,
        begin := min(max(first, held.oldest), held.end),
        max(begin, min(end, held.end)),
        gone=max(0, min(end, held.oldest) - first),
        ahead=max(0, end - max(first, held.end)) if asked.last is not None else 0,
        from_oldest=asked.first is None and held.oldest > 0,
    )
