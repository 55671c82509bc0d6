"""One batch of observations cut into runs: what each watch takes in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from drift.observation import Observation


class WatchKey(NamedTuple):
    """What a watch is over: a model version's inputs and answers, or another of its streams (drift.outcomes)."""

    model: str
    version: str
    stream: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """Observations of one watch, one after the other: no other of the model lies between them."""

    partition: int
    key: WatchKey
    observations: list[Observation] = field(default_factory=list)


def runs_of(addressed: Sequence[tuple[int, WatchKey, Observation]]) -> list[Run]:
    """In the order of the log, as far as it matters: models know nothing of each other."""
    runs: list[Run] = []
    latest: dict[tuple[int, str], Run] = {}
    for partition, key, observation in addressed:
        run = latest.get((partition, key.model))
        if run is None or run.key != key:
            run = latest[partition, key.model] = Run(partition, key)
            runs.append(run)
        run.observations.append(observation)
    return runs
