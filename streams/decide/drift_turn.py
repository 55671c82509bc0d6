"""One batch of observations at the watches: every version in the order of the log, and what it means for the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from drift.alert import Alert
from drift.command import Outcome
from drift.observation import Observation
from drift.outcome_watch import OutcomeState, OutcomeWatch
from drift.watch import Figures, Step, Watch, WatchState


class WatchKey(NamedTuple):
    """What a watch is over: a model version's inputs and answers, or another of its streams (drift.outcomes)."""

    model: str
    version: str
    stream: str = ""


AnyWatch: TypeAlias = Watch | OutcomeWatch
AnyState: TypeAlias = WatchState | OutcomeState


@dataclass(frozen=True, slots=True)
class Run:
    """Observations of one watch, one after the other: none of another version of the model lies between them."""

    partition: int
    key: WatchKey
    observations: list[Observation] = field(default_factory=list)


def runs_of(addressed: Sequence[tuple[int, WatchKey, Observation]]) -> list[Run]:
    """In the order of the log, as far as it matters: models know nothing of each other."""
    runs: list[Run] = []
    latest: dict[tuple[int, str, str], Run] = {}
    for partition, key, observation in addressed:
        stream = partition, key.model, key.stream
        run = latest.get(stream)
        if run is None or run.key != key:
            run = latest[stream] = Run(partition, key)
            runs.append(run)
        run.observations.append(observation)
    return runs


class Turn:
    """Collects what the watches say; `known` are the states before, by partition."""

    def __init__(self, watches: Mapping[WatchKey, AnyWatch], known: Mapping[int, Mapping[WatchKey, AnyState]]) -> None:
        self._watches, self._known = watches, known
        self.changes: dict[int, dict[WatchKey, AnyState]] = {}
        self.figures: dict[WatchKey, Figures] = {}
        self.alerts: list[Alert] = []
        self.outcomes: dict[str, list[Outcome]] = {}

    def take(self, run: Run) -> None:
        """A version that is not watched still answers in place of others."""
        watch = self._watches.get(run.key)
        others = [key for key, other, state in self._others(run) if other.stands(state)]
        # Where another version's alert may end, it does so at the same observation however batches are cut.
        for piece in [[one] for one in run.observations] if others else [run.observations]:
            for other in others:
                self._end(run, other, piece[0])
            if watch is not None:
                state = self._state(run.partition, run.key)
                self._keep(run.partition, run.key, _observe(watch, state, piece))

    def _end(self, run: Run, other: WatchKey, observation: Observation) -> None:
        watch, state = self._watches[other], self._state(run.partition, other)
        assert isinstance(watch, Watch)
        assert isinstance(state, WatchState)
        ended = watch.replaced(state, observation)
        if not ended:
            return
        self._keep(run.partition, other, ended)
        # The versions' alerts of a signal share a key, of which a reader may see the last record only.
        own_watch, own = self._watches.get(run.key), self._state(run.partition, run.key)
        if isinstance(own_watch, Watch) and isinstance(own, WatchState):
            keys = {alert.signal.key for alert in ended.alerts}
            self._keep(run.partition, run.key, own_watch.told(own, keys, observation.topic))

    def _others(self, run: Run) -> Iterator[tuple[WatchKey, Watch, WatchState]]:
        """The other versions' watches over inputs and answers; labels of an old version still come when it is gone."""
        known = {**self._known.get(run.partition, {}), **self.changes.get(run.partition, {})}
        for key, state in known.items():
            watch = self._watches[key]
            rivals = key.model == run.key.model and key != run.key and not run.key.stream
            if rivals and isinstance(watch, Watch) and isinstance(state, WatchState):
                yield key, watch, state

    def _state(self, partition: int, key: WatchKey) -> AnyState | None:
        return self.changes.get(partition, {}).get(key) or self._known.get(partition, {}).get(key)

    def _keep(self, partition: int, key: WatchKey, step: Step[Any]) -> None:
        self.changes.setdefault(partition, {})[key] = step.state
        self.figures[key] = step.figures
        self.alerts += step.alerts
        for outcome in step.outcomes:
            self.outcomes.setdefault(outcome.id, []).append(outcome)


def _observe(watch: AnyWatch, state: AnyState | None, observations: Sequence[Observation]) -> Step[Any]:
    if isinstance(watch, OutcomeWatch):
        assert state is None or isinstance(state, OutcomeState)
        return watch.observe(state or watch.fresh(), observations)
    assert state is None or isinstance(state, WatchState)
    return watch.observe(state or watch.fresh(), observations)
