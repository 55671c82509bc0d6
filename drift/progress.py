"""How far each source partition has come: which offsets were counted, and up to which event time nothing is missing."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

import msgspec

from drift.observation import Observation
from drift.settings import DriftSettings


class PartitionProgress(msgspec.Struct, frozen=True, omit_defaults=True):
    """`last_offset` counted, greatest event time in ms, and for how long it has been idle if it is."""

    last_offset: int = -1
    max_time: int | None = None
    idle_ms: int | None = None


class Arrival(Enum):
    """What an observation is to the partition it comes from."""

    NEW = auto()
    IDLE = auto()  # a mark without events
    SEEN = auto()  # its whole range was counted before
    OVERLAPPING = auto()  # a part of its range was counted before: it cannot be told apart, so none of it counts


def arrive(progress: PartitionProgress, observation: Observation) -> tuple[Arrival, PartitionProgress]:
    """Classify an observation, and say how far its partition has come with it."""
    if observation.last_offset < 0:
        return Arrival.IDLE, msgspec.structs.replace(progress, idle_ms=observation.idle_ms or 0)
    if observation.last_offset <= progress.last_offset:
        return Arrival.SEEN, progress
    arrival = Arrival.NEW if observation.first_offset > progress.last_offset else Arrival.OVERLAPPING
    max_time = progress.max_time
    # A batch of nothing but dead letters may not know a time.
    if observation.slices or observation.max_time > 0:
        max_time = observation.max_time if max_time is None else max(max_time, observation.max_time)
    return arrival, PartitionProgress(observation.last_offset, max_time)


def clock(partitions: Mapping[int, PartitionProgress]) -> int | None:
    """The event time by now, in ms, None while none is known: time that went by idle is time too."""
    times = [p.max_time + (p.idle_ms or 0) for p in partitions.values() if p.max_time is not None]
    return max(times, default=None)


def whole_until(settings: DriftSettings, partitions: Mapping[int, PartitionProgress], expected: int) -> int | None:
    """The event time in ms before which nothing is missing, however long a partition is silent; None while one is
    unknown. When all are idle, time goes on."""
    if any(partition not in partitions for partition in range(expected)):
        return None
    live = [progress.max_time for progress in partitions.values() if progress.idle_ms is None]
    times = [time for time in live if time is not None]
    if len(times) < len(live):
        return None
    now = min(times, default=None) if live else clock(partitions)
    return None if now is None else now - settings.allowed_lateness_ms


def frontier(settings: DriftSettings, partitions: Mapping[int, PartitionProgress], expected: int) -> int | None:
    """The first slice that may still get events, None while no time is known: those before it are complete.

    A partition holds slices until its greatest event time, less the allowed lateness, has passed them. An idle one
    holds none; one that is behind, silent or never heard of holds a slice for at most `max_hold_ms` of the others'
    time. When all are idle, everything seen is complete.
    """
    times = [progress.max_time for progress in partitions.values() if progress.max_time is not None]
    now = clock(partitions)
    if now is None:
        return None
    complete = max(times) // settings.slice_ms + 1
    known = [progress for progress in partitions.values() if progress.idle_ms is None]
    unheard = any(partition not in partitions for partition in range(expected))
    if not known and not unheard:
        return complete
    # By the clock, or a stream at rest would wait for ever for a dead worker.
    patience = now - settings.max_hold_ms
    reached = [patience if p.max_time is None else max(p.max_time, patience) for p in known]
    if unheard:
        reached.append(patience)
    return min(complete, (min(reached) - settings.allowed_lateness_ms) // settings.slice_ms)
