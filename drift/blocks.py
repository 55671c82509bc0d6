"""Closed slices become blocks, by what they hold alone: never by how the events were split or when they arrived."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from drift.cells import Cells, add
from drift.settings import DriftSettings

FAIR_EVENTS = 30
"""A block with fewer events is gathered with the next ones: a share among three events says nothing."""

ONE_TIME_MS = 300_000
"""In so short a time no hour of the day begins to differ."""

OffsetRanges = dict[int, tuple[int, int]]


class Tally(msgspec.Struct, frozen=True, omit_defaults=True):
    """Events added up: their cells, and first and last offset per source partition where known."""

    events: int = 0
    cells: Cells = {}
    offsets: OffsetRanges = {}

    def plus(self, other: Tally) -> Tally:
        """The sum, exact; neither operand changes."""
        cells = dict(self.cells)
        add(cells, other.cells)
        return Tally(self.events + other.events, cells, join_ranges((self.offsets, other.offsets)))


def join_ranges(ranges: Iterable[OffsetRanges]) -> OffsetRanges:
    """The smallest range per partition that holds all of its ranges."""
    joined: OffsetRanges = {}
    for offsets in ranges:
        for partition, (first, last) in offsets.items():
            low, high = joined.get(partition, (first, last))
            joined[partition] = (min(low, first), max(high, last))
    return joined


class OpenBlock(msgspec.Struct, frozen=True):
    """Slices from `first` on that do not make a block yet."""

    first: int
    tally: Tally


class Stretch(NamedTuple):
    """So many events in [`start`, `end`), ms."""

    start: int
    end: int
    events: int


class Block(msgspec.Struct, frozen=True, omit_defaults=True):
    """Events of [`start`, `end`) in ms that the detectors judge as one. `gathered`: when they came, where that is known
    better."""

    start: int
    end: int
    tally: Tally
    gathered: tuple[Stretch, ...] = ()

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """When the events came."""
        return self.gathered or (Stretch(self.start, self.end, self.tally.events),)

    def plus(self, later: Block) -> Block:
        *before, last = self.stretches
        first, *after = later.stretches
        if first.end - last.start <= ONE_TIME_MS:
            joined = [Stretch(last.start, first.end, last.events + first.events)]
        else:
            joined = [last, first]
        return Block(self.start, later.end, self.tally.plus(later.tally), (*before, *joined, *after))


class Span(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a block was: what an alert needs of it to say when, and what to replay."""

    start: int
    end: int
    offsets: OffsetRanges = {}
    blocks: int = 1

    def plus(self, later: Span) -> Span:
        return Span(self.start, later.end, join_ranges((self.offsets, later.offsets)), self.blocks + later.blocks)


def close_blocks(
    settings: DriftSettings, block: OpenBlock | None, slices: Iterable[tuple[int, Tally]], frontier: int
) -> tuple[list[Block], OpenBlock | None]:
    """Take closed slices, in order of time, into blocks; what is left stays open. None before `frontier` follows."""
    width, span = settings.slice_ms, settings.block_slices
    closed: list[Block] = []

    def close(open_block: OpenBlock, end: int) -> None:
        closed.append(Block(open_block.first * width, end * width, open_block.tally))

    for number, tally in slices:
        if block and number >= block.first + span:
            close(block, block.first + span)
            block = None
        block = OpenBlock(block.first, block.tally.plus(tally)) if block else OpenBlock(number, tally)
        if block.tally.events >= settings.block_events or number + 1 >= block.first + span:
            close(block, number + 1)
            block = None
    if block and frontier >= block.first + span:
        close(block, block.first + span)
        block = None
    return closed, block
