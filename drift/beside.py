"""What is beside a watch: the other streams of its model version. One incident moves several of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drift.alert import Replay
from drift.blocks import OffsetRanges, join_ranges
from drift.phases import Firing, Quiet
from drift.signal_state import SignalState
from drift.signals import Signal
from drift.state import WatchState


@dataclass(frozen=True, slots=True)
class Beside:
    """One stream as it stands: its signals, and what is remembered of them. `topic` holds the events that its blocks
    have offsets of."""

    topic: str
    signals: tuple[Signal, ...]
    state: WatchState

    @property
    def firing(self) -> Iterator[tuple[str, Firing]]:
        """The alerts that are out, by signal."""
        for key, own in self.state.signals.items():
            if isinstance(own.phase, Firing):
                yield key, own.phase

    @property
    def drifting(self) -> Iterator[str]:
        """The signals that are not quiet."""
        return (key for key, own in self.state.signals.items() if not isinstance(own.phase, Quiet))

    @property
    def answers(self) -> Iterator[tuple[Signal, SignalState]]:
        """The outputs of the model, each with what it is compared with now."""
        for signal in self.signals:
            if signal.reference.role == "output":
                own = self.state.signals[signal.key]
                yield signal.rebased(own.baseline), own

    def replay(self, since: int, *, open_too: bool = False) -> Replay | None:
        """The events since then of blocks that have closed, and those of open ones: what another stream tells may come
        before. None where that is longer ago than blocks are remembered, or the workers gave no offsets."""
        spans = self.state.spans
        if not spans or spans[0].start > since:
            return None
        ranges = join_ranges(
            (*(span.offsets for span in spans if span.end > since), *(self._open_offsets if open_too else ()))
        )
        return Replay(self.topic, dict(sorted(ranges.items()))) if ranges else None

    @property
    def _open_offsets(self) -> Iterator[OffsetRanges]:
        waiting = (self.state.block, self.state.gathered)
        yield from (each.tally.offsets for each in waiting if each)
        yield from (tally.offsets for tally in self.state.slices.values())


def page_of(group: str, beside: Sequence[Beside]) -> str | None:
    """The signal of another stream whose alert is the page of the group. One that is silenced by itself calls nobody,
    so it is none."""
    for stream in beside:
        for key, firing in stream.firing:
            if firing.group_key == group and firing.severity == "page" and key not in stream.state.standing.silences:
                return key
    return None
