"""What one partition of `observations` has led to, and its form at rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from drift.challenge import PAIRS
from drift.comparison import Comparison, load_comparison
from drift.outcomes import STREAMS
from drift.watch import StateError
from streams.decide.drift_runs import WatchKey
from streams.decide.drift_turn import AnyState, AnyWatch
from streams.decider import StateUnusable

Entries = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class DriftChange:
    """By watch its state (None: it is to be forgotten), and by model how its challenger compares."""

    watches: Mapping[WatchKey, AnyState | None] = field(default_factory=dict)
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)


class DriftState:
    """A watch's state for each model version seen there, and the comparison of each model that was challenged.
    `asleep`: the entries of versions whose reference is not known: it is removed, or cannot be read for now."""

    def __init__(
        self,
        watches: dict[WatchKey, AnyState],
        asleep: dict[WatchKey, Entries],
        comparisons: dict[str, Comparison] | None = None,
    ) -> None:
        self._watches, self.asleep = watches, asleep
        self.comparisons = comparisons or {}
        self._woken: dict[WatchKey, AnyState] = {}
        """Of those asleep whose reference became known, kept because most batches do not change them."""

    def awake(self, watches: Mapping[WatchKey, AnyWatch]) -> Mapping[WatchKey, AnyState]:
        """The states of what these watch; one that cannot be read starts afresh."""
        for key in self.asleep.keys() & watches.keys() - self._woken.keys():
            try:
                self._woken[key] = watches[key].load(self.asleep[key])
            except StateError:
                self._woken[key] = watches[key].fresh()
        return {**self._watches, **self._woken} if self._woken else self._watches

    def apply(self, change: DriftChange) -> None:
        self.comparisons.update(change.comparisons)
        for key, state in change.watches.items():
            self.asleep.pop(key, None)
            self._woken.pop(key, None)
            if state is None:
                self._watches.pop(key, None)
            else:
                self._watches[key] = state

    def dump(self) -> dict[str, bytes]:
        compared = {WatchKey(model, "", PAIRS): own.dump() for model, own in self.comparisons.items()}
        entries = {key: state.dump() for key, state in self._watches.items()} | self.asleep | compared
        return {
            f"{key.model}/{key.version}/{_prefix(key.stream)}{name}": data
            for key, own in entries.items()
            for name, data in own.items()
        }


def load_drift(watches: Mapping[WatchKey, AnyWatch], entries: Entries) -> DriftState:
    """A state from what `DriftState.dump` gave. Raises StateUnusable."""
    grouped: dict[WatchKey, dict[str, bytes]] = {}
    for path, data in entries.items():
        model, version, name = path.split("/", 2)
        stream = next((stream for stream in (*STREAMS, PAIRS) if name.startswith(_prefix(stream))), "")
        grouped.setdefault(WatchKey(model, version, stream), {})[name.removeprefix(_prefix(stream))] = data
    compared = {key.model: grouped.pop(key) for key in [*grouped] if key.stream == PAIRS}
    try:
        known = {key: watches[key].load(own) for key, own in grouped.items() if key in watches}
        comparisons = {model: load_comparison(own) for model, own in compared.items()}
    except (StateError, KeyError, msgspec.MsgspecError) as error:
        raise StateUnusable(str(error)) from error
    return DriftState(known, {key: own for key, own in grouped.items() if key not in watches}, comparisons)


def _prefix(stream: str) -> str:
    """Of the names of a stream's entries; those of inputs and answers have none."""
    return f"{stream}:" if stream else ""
