"""Learn a reference from a live stream: its first events, in blocks, once there are enough of them."""

from __future__ import annotations

import math

import msgspec
from msgspec.structs import replace

from drift.alert import rfc3339
from drift.blocks import FAIR_EVENTS, Tally
from drift.calibration import likely_inflation
from drift.cells import FIRST_CATEGORY, NULLS, UNSEEN, Cells, Layout, ordered
from drift.command import WHOLE_MODEL, Command, Silence, Silenced, Standing
from drift.noise import Calibration, Noise
from drift.observation import Observation
from drift.profile import CategoryReference, ReferenceProfile
from drift.progress import Arrival, PartitionProgress, arrive
from drift.settings import DriftSettings
from drift.signals import Signal, signals_of


class BurnIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was seen of a stream whose reference is still being learned. `blocks` of FAIR_EVENTS or more, in the order
    in which they came, and what is `open`."""

    partitions: dict[int, PartitionProgress] = {}
    blocks: tuple[Tally, ...] = ()
    open: Tally = Tally()
    first_ms: int | None = None
    last_ms: int | None = None
    standing: Standing = Standing()

    @property
    def events(self) -> int:
        return sum(block.events for block in self.blocks) + self.open.events

    def plus(self, observation: Observation, slice_ms: int) -> BurnIn:
        """With the events of an observation, unless they were counted before."""
        arrival, progress = arrive(self.partitions.get(observation.partition, PartitionProgress()), observation)
        partitions = dict(sorted({**self.partitions, observation.partition: progress}.items()))
        if arrival is not Arrival.NEW or not observation.slices:
            return replace(self, partitions=partitions)
        blocks, open_block = list(self.blocks), self.open
        for delta in observation.slices:
            open_block = open_block.plus(Tally(delta.events, delta.cells))
            if open_block.events >= FAIR_EVENTS:
                blocks.append(Tally(open_block.events, ordered(open_block.cells)))
                open_block = Tally()
        times = [delta.slice * slice_ms for delta in observation.slices]
        return BurnIn(
            partitions,
            tuple(blocks),
            Tally(open_block.events, ordered(open_block.cells)),
            min(times) if self.first_ms is None else min(self.first_ms, *times),
            max(times) if self.last_ms is None else max(self.last_ms, *times),
            self.standing,
        )

    def obeying(self, command: Command) -> tuple[BurnIn, str | None]:
        """With a silence that is to hold when there is a reference, and what to answer; else None: nothing came of
        it."""
        if not isinstance(command, Silence):
            return self, None
        key = command.signal or WHOLE_MODEL
        silence = Silenced(command.until, command.author, command.reason) if command.until else None
        why = f"{command.signal or 'every signal'} is silent" + (
            f" until {rfc3339(silence.until)}" if silence else " no more"
        )
        return replace(self, standing=self.standing.with_silence(key, silence)), why

    def learned(self, layout: ReferenceProfile) -> ReferenceProfile:
        """The layout with what was counted, and with how much it swings from block to block."""
        total = self.open
        for block in self.blocks:
            total = total.plus(block)
        places = Layout.of(layout)
        signals = tuple(
            _counted(signal, cells, total.events)
            for signal, cells in zip(layout.signals, places.split(total.cells), strict=True)
            if isinstance(signal, CategoryReference)
        )
        profile = replace(
            layout, rows=total.events, signals=signals, first_ms=self.first_ms, last_ms=self.last_ms, calibration=None
        )
        parts = [(block.events, places.split(block.cells)) for block in self.blocks]
        noises = tuple(
            _noises(signal, [(events, cells[index]) for events, cells in parts])
            for index, signal in enumerate(signals_of(profile, DriftSettings()))
        )
        return replace(profile, calibration=Calibration("time", noises))


def _counted(signal: CategoryReference, cells: Cells, events: int) -> CategoryReference:
    counts = tuple(cells.get(FIRST_CATEGORY + index, 0) for index in range(len(signal.categories)))
    return replace(signal, rows=events, nulls=cells.get(NULLS, 0), unseen=cells.get(UNSEEN, 0), counts=counts)


def _noises(signal: Signal, blocks: list[tuple[int, Cells]]) -> dict[str, Noise]:
    """How much wider than those of independent events the blocks' levels swing, of each statistic."""
    noises = {}
    for statistic in signal.statistics:
        levels = [level for events, cells in blocks if (level := statistic.measure(cells, events))]
        swing = math.fsum(level.n * (level.stable - statistic.reference.stable) ** 2 for level in levels)
        noises[statistic.name] = Noise(inflation=likely_inflation(swing, len(levels) - 1))
    return noises
