"""One batch of observations at the watches: every version in the order of the log, and what it means for the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from drift.alert import Alert
from drift.command import Outcome
from drift.observation import Observation
from drift.watch import Figures, Step, Watch, WatchState

ModelVersion: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Run:
    """Observations of one version, one after the other: none of another version of the model lies between them."""

    partition: int
    key: ModelVersion
    observations: list[Observation] = field(default_factory=list)


def runs_of(addressed: Sequence[tuple[int, ModelVersion, Observation]]) -> list[Run]:
    """In the order of the log, as far as it matters: models know nothing of each other."""
    runs: list[Run] = []
    latest: dict[tuple[int, str], Run] = {}
    for partition, key, observation in addressed:
        run = latest.get((partition, key[0]))
        if run is None or run.key != key:
            run = latest[partition, key[0]] = Run(partition, key)
            runs.append(run)
        run.observations.append(observation)
    return runs


class Turn:
    """Collects what the watches say; `known` are the states before, by partition."""

    def __init__(
        self, watches: Mapping[ModelVersion, Watch], known: Mapping[int, Mapping[ModelVersion, WatchState]]
    ) -> None:
        self._watches, self._known = watches, known
        self.changes: dict[int, dict[ModelVersion, WatchState]] = {}
        self.figures: dict[ModelVersion, Figures] = {}
        self.alerts: list[Alert] = []
        self.outcomes: dict[str, list[Outcome]] = {}

    def take(self, run: Run) -> None:
        """A version that is not watched still answers in place of others."""
        watch = self._watches.get(run.key)
        others = [key for key, state in self._others(run) if self._watches[key].stands(state)]
        # Where another version's alert may end, it does so at the same observation however batches are cut.
        for piece in [[one] for one in run.observations] if others else [run.observations]:
            for other in others:
                self._end(run, other, piece[0])
            if watch is not None:
                state = self._state(run.partition, run.key) or watch.fresh()
                self._keep(run.partition, run.key, watch.observe(state, piece))

    def _end(self, run: Run, other: ModelVersion, observation: Observation) -> None:
        state = self._state(run.partition, other)
        ended = state and self._watches[other].replaced(state, observation)
        if not ended:
            return
        self._keep(run.partition, other, ended)
        # The versions' alerts of a signal share a key, of which a reader may see the last record only.
        if own := self._state(run.partition, run.key):
            keys = {alert.signal.key for alert in ended.alerts}
            self._keep(run.partition, run.key, self._watches[run.key].told(own, keys, observation.topic))

    def _others(self, run: Run) -> Iterator[tuple[ModelVersion, WatchState]]:
        known = {**self._known.get(run.partition, {}), **self.changes.get(run.partition, {})}
        return ((key, state) for key, state in known.items() if key[0] == run.key[0] and key != run.key)

    def _state(self, partition: int, key: ModelVersion) -> WatchState | None:
        return self.changes.get(partition, {}).get(key) or self._known.get(partition, {}).get(key)

    def _keep(self, partition: int, key: ModelVersion, step: Step) -> None:
        self.changes.setdefault(partition, {})[key] = step.state
        self.figures[key] = step.figures
        self.alerts += step.alerts
        for outcome in step.outcomes:
            self.outcomes.setdefault(outcome.id, []).append(outcome)
