"""Keyed features of a batch: what must wait for the state of its partitions, between reading events and answering them.
Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from models.keyed.steps import KeyedSteps
from models.preprocessing.computed import Computed
from streams.decide.partition_runs import partition_runs
from streams.decide.predict_state import KeyedGivenUp, PredictState
from streams.decide.serving import Serving
from streams.decider import PartitionState
from streams.keyed.advance import KeyedEvents, advance
from streams.keyed.state import KeyedChange
from streams.pipeline import ReadEvents
from streams.records import KeyedUse, RecordBatch


@dataclass(frozen=True, slots=True)
class Awaiting:
    """A batch that was read, for a model whose answers need the state."""

    serving: Serving
    events: ReadEvents


@dataclass(frozen=True, slots=True)
class KeyedBatch:
    """`computed`: the keyed features of the events that were read. `changes`: by partition, what they lead to."""

    steps: KeyedSteps
    computed: Computed
    changes: Mapping[int, KeyedChange]

    @property
    def use(self) -> KeyedUse:
        """For metrics."""
        let_go: Counter[str] = Counter()
        for change in self.changes.values():
            let_go.update(ttl=change.expired, cap=change.evicted)
        return KeyedUse({partition: change.size for partition, change in self.changes.items()}, let_go)


def keyed_batch(
    steps: KeyedSteps, states: Mapping[int, PartitionState], batch: RecordBatch, read: ReadEvents
) -> KeyedBatch:
    """Compute the keyed features of a batch, partition by partition in the order of offsets. Changes no state."""
    columns = np.empty((len(read.rows), steps.width))
    changes: dict[int, KeyedChange] = {}
    events = _events(steps, batch, read)
    for partition, runs in partition_runs(batch.owners[read.rows]).items():
        own = list(chain.from_iterable(range(run.start, run.stop) for run in runs))
        state = states[partition]
        assert isinstance(state, PredictState)
        part = events.taking(own)
        repeated = state.repeated(part.offsets, [read.event_ids[index] for index in own])
        values, changes[partition] = advance(state.keyed(steps), part, repeated)
        columns[own] = values
    names = (feature.name for feature in steps.keyed.features)
    return KeyedBatch(steps, dict(zip(names, columns.T.copy(), strict=True)), changes)


def given_up(steps: KeyedSteps, batch: RecordBatch, read: ReadEvents) -> dict[int, KeyedGivenUp]:
    """What a single record that was given up leads to: it counts if it is a valid event."""
    if not read.rows:
        return {}
    return {batch.partitions[0]: KeyedGivenUp(read.event_ids, steps, _events(steps, batch, read))}


def _events(steps: KeyedSteps, batch: RecordBatch, read: ReadEvents) -> KeyedEvents:
    keys: Sequence[bytes | None] = [batch.keys[row] for row in read.rows]
    return KeyedEvents(
        [batch.offsets[row] for row in read.rows],
        steps.keys(keys, read.features),
        steps.inputs(read.features),
        read.times_ms.tolist(),
    )
