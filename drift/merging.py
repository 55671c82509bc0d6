"""Observations become blocks: counted once, by event time, and gathered until there are events enough to judge."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from drift.blocks import Block, Tally, close_blocks
from drift.cells import Layout
from drift.observation import Observation
from drift.progress import Arrival, PartitionProgress, arrive, frontier
from drift.settings import DriftSettings
from drift.state import WatchState


@dataclass(frozen=True, slots=True, kw_only=True)
class Merger:
    """For the observations that name this `model`, `version` and `profile`; those of another are counted as foreign.
    `expected` partitions of the source topic hold back time until they are heard of."""

    model: str
    version: str
    profile: str
    layout: Layout
    settings: DriftSettings
    expected: int

    def merge(self, state: WatchState, observation: Observation) -> list[Block]:
        """Count an observation in `state`, in place; the blocks that are to be judged now."""
        self._count(state, observation)
        gathered = [self._gather(state, closed) for closed in self._close(state)]
        return [block for block in gathered if block]

    def _count(self, state: WatchState, observation: Observation) -> None:
        """Count its events into the open slices, unless they were counted or are late."""
        counts = state.counts
        if not self._is_ours(observation):
            state.counts = replace(counts, foreign=counts.foreign + 1)
            return
        partition = observation.partition
        before = state.partitions.get(partition, PartitionProgress())
        arrival, progress = arrive(before, observation)
        state.partitions[partition] = progress
        if arrival is Arrival.OVERLAPPING:
            state.counts = replace(counts, overlapping=counts.overlapping + observation.events)
        if arrival is not Arrival.NEW:
            return
        if self.settings.volume_window_ms:
            state.windows.count(self.settings, observation, before)
        late = 0
        for delta in observation.slices:
            number = delta.slice
            if state.frontier is not None and number < state.frontier:
                late += delta.events
                if not self.settings.keep_late:
                    continue
                number = state.frontier
            first, last = delta.first_offset, delta.last_offset
            offsets = {} if first is None or last is None else {partition: (first, last)}
            tally = Tally(delta.events, self.layout.folded(delta.cells), offsets)
            known = state.slices.get(number)
            state.slices[number] = known.plus(tally) if known else tally
        state.counts = replace(counts, events=counts.events + observation.events, late=counts.late + late)

    def _is_ours(self, observation: Observation) -> bool:
        if (observation.model, observation.version, observation.profile) != (self.model, self.version, self.profile):
            return False
        return all(0 <= cell < self.layout.size for delta in observation.slices for cell in delta.cells)

    def _close(self, state: WatchState) -> list[Block]:
        """Close the slices that are complete by now, and the blocks that they fill."""
        reached = frontier(self.settings, state.partitions, self.expected)
        if self.settings.keep_late and state.frontier is not None:
            # Labels that do not come oldest first would wait there for one that is newer than all before.
            late = state.slices.get(state.frontier)
            if late and late.events >= self.settings.block_events:
                reached = max(reached or 0, state.frontier + 1)
        if reached is None or (state.frontier is not None and reached <= state.frontier):
            return []
        state.frontier = reached
        complete = [(number, state.slices.pop(number)) for number in sorted(state.slices) if number < reached]
        blocks, state.block = close_blocks(self.settings, state.block, complete, reached)
        return blocks

    def _gather(self, state: WatchState, block: Block) -> Block | None:
        """The block to judge: None, and it is kept for the next ones, where it has too few events."""
        state.counts = replace(state.counts, blocks=state.counts.blocks + 1)
        gathered = state.gathered.plus(block) if state.gathered else block
        few = gathered.tally.events < self.settings.fair_events
        state.gathered = gathered if few else None
        return None if few else gathered
