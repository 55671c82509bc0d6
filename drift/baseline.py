"""A level that people accepted as the one to compare with, in place of the profile's."""

from __future__ import annotations

import msgspec

from drift.phases import Levels, Sample


class Learned(msgspec.Struct, frozen=True, omit_defaults=True):
    """What else the live stream told of its volume: from so many `hours`, in windows of so many ms, the cycle of a day
    or week, and the smallest change that is material as long as no more is known."""

    window_ms: int
    hours: int
    season: tuple[float, ...] = ()
    material: float = 1.0


class Baseline(msgspec.Struct, frozen=True, omit_defaults=True):
    """Since event time `at` (ms), by an author: the events that it was measured on, and the levels of the statistics
    that had moved. The others keep the profile's, which rests on more events. One that was `learned` and that nobody
    has accepted in person has no author."""

    at: int
    by: str
    sample: Sample
    levels: Levels
    learned: Learned | None = None
