"""Learn a reference from a live stream: what its first blocks hold, and how much they swing."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec.structs import replace

from drift.blocks import Block, Tally
from drift.calibration import likely_inflation
from drift.cells import FIRST_CATEGORY, NULLS, UNSEEN, Cells, Layout
from drift.noise import Calibration, Noise
from drift.profile import CategoryReference, ReferenceProfile
from drift.settings import DriftSettings
from drift.signals import Signal, signals_of


def learned(layout: ReferenceProfile, blocks: Sequence[Block]) -> ReferenceProfile:
    """The layout, whose signals are categories, with what one or more blocks count."""
    total = Tally()
    for block in blocks:
        total = total.plus(block.tally)
    places = Layout.of(layout)
    signals = tuple(
        _counted(signal, cells, total.events)
        for signal, cells in zip(layout.signals, places.split(total.cells), strict=True)
        if isinstance(signal, CategoryReference)
    )
    profile = replace(
        layout, rows=total.events, signals=signals, first_ms=blocks[0].start, last_ms=blocks[-1].end, calibration=None
    )
    parts = [(block.tally.events, places.split(block.tally.cells)) for block in blocks]
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
