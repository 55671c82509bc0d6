"""Keyed features of a batch: what must wait for the state of its partitions, between reading events and answering them.
Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from models.keyed.steps import KeyedSteps
from models.prediction import Model
from models.preprocessing.computed import Computed
from streams.decide.partition_runs import partition_runs
from streams.decide.predict_state import KeyedGivenUp, KeyedTaken, PredictChange, PredictState
from streams.decide.serving import Serving
from streams.decider import PartitionState
from streams.duplicates import AnsweredIds
from streams.keyed.advance import KeyedEvents, advance
from streams.keyed.state import KeyedChange
from streams.pipeline import Outcomes, ReadEvents
from streams.records import KeyedUse, RecordBatch

NO_IDS = AnsweredIds([], [])


@dataclass(frozen=True, slots=True)
class Awaiting:
    """A batch that was read, for a model whose answers need the state."""

    serving: Serving
    events: ReadEvents


@dataclass(frozen=True, slots=True)
class KeyedBatch:
    """`computed`: the keyed features of the `events` that were read. `changes`: by partition, what they lead to."""

    steps: KeyedSteps
    batch: RecordBatch
    events: ReadEvents
    computed: Computed
    changes: Mapping[int, KeyedChange]

    @property
    def use(self) -> KeyedUse:
        """For metrics."""
        let_go: Counter[str] = Counter()
        for change in self.changes.values():
            let_go.update(ttl=change.expired, cap=change.evicted)
        return KeyedUse({partition: change.size for partition, change in self.changes.items()}, let_go)

    def changes_with(self, answered: Mapping[int, AnsweredIds], outcomes: Outcomes) -> dict[int, PredictChange]:
        """The changes of each partition's state. `answered` are ids of `outcomes`; the others have no answer."""
        offsets: dict[int, list[int]] = {partition: [] for partition in self.changes}
        ids: dict[int, list[str]] = {partition: [] for partition in self.changes}
        has_answer = set(outcomes.rows)
        if len(has_answer) < len(self.events.rows):
            for row, event_id in zip(self.events.rows, self.events.event_ids, strict=True):
                if row not in has_answer:
                    offsets[self.batch.partitions[row]].append(self.batch.offsets[row])
                    ids[self.batch.partitions[row]].append(event_id)
        return {
            partition: KeyedTaken(
                answered.get(partition, NO_IDS), AnsweredIds(offsets[partition], ids[partition]), self.steps, change
            )
            for partition, change in self.changes.items()
        }


def keyed_batch(awaiting: Awaiting, states: Mapping[int, PartitionState], batch: RecordBatch) -> KeyedBatch:
    """Compute the keyed features of a batch, partition by partition in the order of offsets. Changes no state."""
    steps, read = awaiting.serving.model.keyed, awaiting.events
    assert steps is not None
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
    return KeyedBatch(steps, batch, read, dict(zip(names, columns.T.copy(), strict=True)), changes)


def given_up(model: Model, batch: RecordBatch, read: ReadEvents) -> dict[int, KeyedGivenUp]:
    """What a single record that is given up leads to: its keys keep what they would on a replay, which may well decide
    about it."""
    if model.keyed is None or not read.rows:
        return {}
    return {batch.partitions[0]: KeyedGivenUp(read.event_ids, model.keyed, _events(model.keyed, batch, read))}


def _events(steps: KeyedSteps, batch: RecordBatch, read: ReadEvents) -> KeyedEvents:
    keys: Sequence[bytes | None] = [batch.keys[row] for row in read.rows]
    return KeyedEvents(
        [batch.offsets[row] for row in read.rows],
        steps.keys(keys, read.features),
        steps.inputs(read.features),
        read.times_ms.tolist(),
    )
