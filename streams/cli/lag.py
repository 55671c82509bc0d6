"""How far each role is, and with two readings what becomes of its lag."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from streams.draining import Draining, Reading, draining
from streams.kafka.client import TopicMissing, client_config
from streams.kafka.groups import GroupProgress, group_progress
from streams.settings import Settings, TopicRole


@dataclass(frozen=True, slots=True)
class RoleLag:
    """`advice` None: one reading was asked for."""

    progress: GroupProgress
    advice: Draining | None = None


def lag_of_roles(
    settings: Settings, sources: Mapping[str, TopicRole], advice_s: float | None
) -> dict[str, RoleLag | TopicMissing]:
    """By role; `advice_s`: read again after so many seconds. Raises BrokerUnreachable, NotAllowed."""
    first = {role: _timed(settings, role, source) for role, source in sources.items()}
    if advice_s is not None:
        time.sleep(advice_s)
    told: dict[str, RoleLag | TopicMissing] = {}
    for role, before in first.items():
        after = before if advice_s is None else _timed(settings, role, sources[role])
        if isinstance(after, TopicMissing) or isinstance(before, TopicMissing):
            told[role] = TopicMissing(settings.topics.name(sources[role]))
        elif after is before:
            told[role] = RoleLag(after[0])
        else:
            advice = draining(_reading(before[0]), _reading(after[0]), after[1] - before[1])
            told[role] = RoleLag(after[0], advice)
    return told


def _timed(settings: Settings, role: str, source: TopicRole) -> tuple[GroupProgress, float] | TopicMissing:
    began = time.monotonic()
    try:
        topic = settings.topics.name(source)
        return group_progress(client_config(settings.kafka), f"{settings.kafka.group}-{role}", topic), began
    except TopicMissing as error:
        return error


def _reading(progress: GroupProgress) -> Reading:
    ends = {each.partition: each.end for each in progress.partitions}
    committed = {each.partition: each.committed for each in progress.partitions if each.committed is not None}
    return Reading(committed, ends, progress.lag, progress.members)
