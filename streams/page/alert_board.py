"""Alerts as the page shows them: the newest state of each, and for how long each stood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from drift.alert import AlertDetector, AlertEffect, AlertOnset, AlertSignal, Evidence, Impact, Replay, Summary

MOST_BYTES = 262_144
MOST_ALERTS = 300
"""Alerts that are kept; those that ended longest ago go first."""
STANDING = frozenset({"firing", "updated"})


class _Readable(msgspec.Struct, frozen=True):
    """What a page relies on where a record has it. A record of a later release may have more."""

    alert_id: str
    dedupe_key: str
    model: str
    version: str
    state: str
    severity: str
    signal: AlertSignal | None = None
    detector: AlertDetector | None = None
    evidence: Evidence | None = None
    effect: AlertEffect | None = None
    reference: Summary | None = None
    current: Summary | None = None
    onset: AlertOnset | None = None
    also_drifting: tuple[str, ...] = ()
    impact: Impact | None = None
    replay: Replay | None = None


_decode = msgspec.json.Decoder(_Readable).decode


@dataclass(slots=True)
class Course:
    """One alert: when it was told first, and last (ms), and `record`, as on the topic."""

    told_ms: int
    record: Mapping[str, Any]
    changed_ms: int

    @property
    def stands(self) -> bool:
        return self.record.get("state") in STANDING


class AlertBoard:
    """`version` grows whenever something is to be shown anew."""

    def __init__(self) -> None:
        self.version = 0
        self._courses: dict[str, Course] = {}

    def take(self, value: bytes | None, at_ms: int) -> None:
        """A record of the alerts topic, in order; what is no alert is passed over."""
        if value is None or len(value) > MOST_BYTES:
            return
        try:
            alert_id = _decode(value).alert_id
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return
        record: dict[str, Any] = msgspec.json.decode(value)
        course = self._courses.get(alert_id)
        if course is None:
            course = self._courses[alert_id] = Course(at_ms, record, at_ms)
        course.record, course.changed_ms = record, at_ms
        self.version += 1
        self._make_room()

    def shown(self) -> list[dict[str, Any]]:
        """JSON-ready: those that stand first, then the newest first."""
        ranked = sorted(self._courses.values(), key=lambda one: (not one.stands, -one.changed_ms))
        return [{"told": one.told_ms, "changed": one.changed_ms, "record": one.record} for one in ranked]

    def standing(self) -> Iterator[Mapping[str, Any]]:
        """Records of the alerts that stand."""
        return (course.record for course in self._courses.values() if course.stands)

    def _make_room(self) -> None:
        while len(self._courses) > MOST_ALERTS:
            oldest = min(self._courses, key=lambda each: (self._courses[each].stands, self._courses[each].changed_ms))
            del self._courses[oldest]
