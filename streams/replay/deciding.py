"""Batches through the decision of the predict role, from a fresh start. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from streams.decide.predict import PredictDecider
from streams.decider import PartitionState
from streams.records import Decision, RecordBatch


def decided(decider: PredictDecider, batches: Iterable[RecordBatch]) -> Iterator[tuple[RecordBatch, Decision]]:
    """A decision for each batch, as of a worker that has not seen what came before: no ids answered, nothing kept under
    keys. A record about which none can be made becomes a dead letter, as it does in a lane."""
    states: dict[int, PartitionState] = {}
    for whole in batches:
        waiting = [whole]
        while waiting:
            batch = waiting.pop()
            for partition in set(batch.partitions) - states.keys():
                states[partition] = decider.load(partition, {})
            try:
                decision = decider.decide(states, batch, decider.prepare(batch))
            except Exception as error:  # noqa: BLE001  # any fault of a model or of an event
                if len(batch) > 1:
                    waiting += reversed(batch.halves())
                    continue
                decision = decider.give_up(batch, error)
            for partition, change in decision.changes.items():
                states[partition].apply(change)
            yield batch, decision
