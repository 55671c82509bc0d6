"""A level that people accepted as the one to compare with, in place of the profile's."""

from __future__ import annotations

import msgspec

from drift.phases import Levels, Sample


class Baseline(msgspec.Struct, frozen=True):
    """Since event time `at` (ms), by an author: the events that it was measured on, and the levels of the statistics
    that had moved. The others keep the profile's, which rests on more events."""

    at: int
    by: str
    sample: Sample
    levels: Levels
