"""The wire record of topic `observations`: what one transaction saw of one source partition and model."""

from __future__ import annotations

import msgspec

from drift.challenge import Contest, Pairs
from drift.command import Command
from drift.conduct import Conduct


class SliceDelta(msgspec.Struct, frozen=True, omit_defaults=True):
    """Events of one event-time slice, `slice` = floor(time / slice_ms), as sparse additive cells (see drift.cells).

    `first_offset` and `last_offset` bound those events in the source partition, where the worker says so.
    """

    slice: int
    events: int
    cells: dict[int, int]
    first_offset: int | None = None
    last_offset: int | None = None


REMOVED = "removed"


class Observation(msgspec.Struct, frozen=True, omit_defaults=True):
    """Deltas of one offset range (both ends included), in order per partition; `max_time` is the greatest event time
    in ms. With `idle_ms`, and without slices, it is an idle mark: nothing came for that long (offsets -1).
    With a `command` it is that and nothing else (partition and offsets -1), for one version, or all where it is empty.
    `stream`: of inputs and answers if empty, or what labels told of answers (see drift.outcomes), from topic `joins`;
    `removed` and nothing else: the version is not in the registry any more; `pairs`: of a challenger, how it compared
    with the version that answers (`pairs`), what became of a batch at it (`conduct`), or that its challenge begins
    (`contest`; offsets -1) or ended (none of them).
    """

    model: str
    version: str
    profile: str
    topic: str
    partition: int
    first_offset: int
    last_offset: int
    max_time: int
    slices: list[SliceDelta] = []
    idle_ms: int | None = None
    command: Command | None = None
    stream: str = ""
    pairs: Pairs | None = None
    contest: Contest | None = None
    conduct: Conduct | None = None

    @property
    def events(self) -> int:
        return sum(delta.events for delta in self.slices)
