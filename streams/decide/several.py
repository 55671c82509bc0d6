"""Several models that answer the same events: each decides by itself, and all of it is committed together. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streams.decider import Decider, Entry, PartitionState
from streams.records import Decision, RecordBatch

SEPARATOR = ":"
"""Between a model's name, which has none, and the name of its entry."""

FIRST = "first-model"
"""The entry that says whose entries have no model in their names."""


@dataclass(frozen=True, slots=True)
class Reports:
    """By model, where it has one."""

    of: Mapping[str, object]


class ModelStates:
    """What each model remembers of one partition. Entries of the first have no model in their names, as where it is the
    only one."""

    def __init__(self, first: str, states: Mapping[str, PartitionState]) -> None:
        self._first, self.of = first, states

    def apply(self, change: Mapping[str, Any]) -> None:
        """Each model's own change."""
        for name, own in change.items():
            self.of[name].apply(own)

    def dump(self) -> dict[str, Entry]:
        entries: dict[str, Entry] = {FIRST: self._first.encode()}
        for name, state in self.of.items():
            lead = "" if name == self._first else f"{name}{SEPARATOR}"
            entries.update((f"{lead}{entry}", data) for entry, data in state.dump().items())
        return entries


class SeveralDecider:
    """Asks the decider of each model, the first one first."""

    role = "predict"

    def __init__(self, deciders: Mapping[str, Decider]) -> None:
        self._deciders = deciders
        self._first = next(iter(deciders))

    def load(self, partition: int, entries: Mapping[str, bytes]) -> ModelStates:
        """Entries of models that are not asked any more are left out, and so end with the next snapshot."""
        own: dict[str, dict[str, bytes]] = {name: {} for name in self._deciders}
        first = entries[FIRST].decode() if FIRST in entries else self._first
        for entry, data in entries.items():
            model, found, rest = entry.partition(SEPARATOR)
            name, key = (model, rest) if found else (first, entry)
            if name in own:
                own[name][key] = data
        return ModelStates(
            self._first, {name: decider.load(partition, own[name]) for name, decider in self._deciders.items()}
        )

    def prepare(self, batch: RecordBatch) -> dict[str, Any]:
        return {name: decider.prepare(batch) for name, decider in self._deciders.items()}

    def decide(self, states: Mapping[int, PartitionState], batch: RecordBatch, prepared: Mapping[str, Any]) -> Decision:
        """One transaction holds what all of them answer."""
        return _together(
            {
                name: decider.decide(_own(states, name), batch, prepared[name])
                for name, decider in self._deciders.items()
            }
        )

    def give_up(self, batch: RecordBatch, error: Exception) -> Decision:
        """By each of them: which one it was that could not be answered is not known."""
        return _together({name: decider.give_up(batch, error) for name, decider in self._deciders.items()})


def _own(states: Mapping[int, PartitionState], name: str) -> dict[int, PartitionState]:
    return {partition: state.of[name] for partition, state in states.items() if isinstance(state, ModelStates)}


def _together(decisions: Mapping[str, Decision]) -> Decision:
    changes: dict[int, dict[str, Any]] = {}
    for name, decision in decisions.items():
        for partition, change in decision.changes.items():
            changes.setdefault(partition, {})[name] = change
    outbox = [record for decision in decisions.values() for record in decision.outbox]
    reports = Reports({name: decision.report for name, decision in decisions.items()})
    return Decision(outbox, changes, reports, sum(decision.waited_s for decision in decisions.values()))
