"""The life of one signal between alerts: quiet, pending (a detector fired), firing (an alert is out)."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from drift.cells import Cells, add
from drift.detectors import Detection
from drift.measures import Level

Levels: TypeAlias = dict[str, Level]
"""By name of the statistic."""


class Sample(msgspec.Struct, frozen=True, omit_defaults=True):
    """One signal over one or several judged `blocks` of [`start`, `end`) ms: what few events were gathered to be judged
    as one counts once, however often a block closed meanwhile. `season`: what the time of day or week adds to a
    statistic, on average over the events."""

    start: int
    end: int
    events: int
    cells: Cells
    blocks: int = 1
    season: dict[str, float] = {}

    def plus(self, later: Sample) -> Sample:
        cells = dict(self.cells)
        add(cells, later.cells)
        events = self.events + later.events
        season = {
            name: (expected * self.events + later.season.get(name, 0.0) * later.events) / max(1, events)
            for name, expected in self.season.items()
        }
        return Sample(self.start, later.end, events, cells, self.blocks + later.blocks, season)


class Onset(msgspec.Struct, frozen=True):
    """Start of the block in which the change is first seen, and between which times it began; ms."""

    at: int
    earliest: int
    latest: int


class Effect(msgspec.Struct, frozen=True):
    """How far a statistic is from a baseline: `size` with its 95 % interval in the statistic's unit, `score` in
    standard errors, `ratio` in units of what is material."""

    statistic: str
    against: Literal["reference", "previous"]
    size: float
    low: float
    high: float
    score: float
    ratio: float


class Quiet(msgspec.Struct, frozen=True, tag="quiet"):
    """Nothing to report; the detectors look on."""


class Pending(msgspec.Struct, frozen=True, tag="pending"):
    """A detector fired; blocks that it has not seen decide (`fresh`). `previous` and `dispersion` are of the blocks
    before the onset; `blocks` counts those since the onset."""

    triggers: tuple[str, ...]
    detection: Detection
    onset: Onset
    blocks: int
    previous: Levels
    dispersion: dict[str, float]
    fresh: Sample | None = None


class Firing(msgspec.Struct, frozen=True, tag="firing"):
    """An alert is out, last with `effect`, when all effects were those `reported`. `material` are the statistics that
    made it, `proof` the evidence in nats that did, `run` the latest blocks that may be a recovery, `chunk` those next
    to be judged for growth. `paged_by`: the signal that is the page of the group, where this one would be it else."""

    pending: Pending
    effect: Effect
    reported: tuple[Effect, ...]
    material: tuple[str, ...]
    severity: Literal["page", "ticket", "log"]
    blocks: int
    group_key: str = ""
    run: Sample | None = None
    chunk: Sample | None = None
    acknowledged_by: str | None = None
    proof: float = 0.0
    paged_by: str | None = None


Phase: TypeAlias = Quiet | Pending | Firing
