"""One batch of observations at the watches: every version in the order of the log, and what it means for the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from drift.alert import Alert
from drift.beside import Beside
from drift.command import Outcome
from drift.ending import Heard, heard_of
from drift.observation import Observation
from drift.outcome_watch import OutcomeState
from drift.outcomes import STREAMS
from drift.watch import Figures, Step, WatchState
from streams.decide.drift_runs import Run, WatchKey

AnyState: TypeAlias = WatchState | OutcomeState


class AnyWatch(Protocol):
    """A Watch, an OutcomeWatch; each with states of its own kind."""

    @property
    def keys(self) -> tuple[str, ...]: ...
    def fresh(self) -> Any: ...
    def load(self, entries: Mapping[str, bytes], /) -> Any: ...
    def resumed(self, state: Any, heard: Heard | None, /) -> Any: ...
    def listens(self, state: Any, /) -> bool: ...
    def observe(self, state: Any, observations: Sequence[Observation], beside: Sequence[Beside], /) -> Step[Any]: ...
    def beside(self, state: Any, topic: str, /) -> Beside: ...
    def can_be_replaced(self, state: Any, heard: Heard, /) -> bool: ...
    def replaced(self, state: Any, heard: Heard, topic: str, beside: Sequence[Beside], /) -> Step[Any]: ...
    def told(self, state: Any, keys: set[str], topic: str, beside: Sequence[Beside], /) -> Step[Any]: ...


class Turn:
    """Collects what the watches say; `known` are the states before, by partition. `events` is the topic that offsets of
    inputs are in."""

    def __init__(
        self,
        watches: Mapping[WatchKey, AnyWatch],
        known: Mapping[int, Mapping[WatchKey, AnyState]],
        events: str,
    ) -> None:
        self._watches, self._known, self._events = watches, known, events
        self.changes: dict[int, dict[WatchKey, AnyState]] = {}
        self.figures: dict[WatchKey, Figures] = {}
        self.alerts: list[Alert] = []
        self.outcomes: dict[str, list[Outcome]] = {}

    def take(self, run: Run) -> None:
        """A version that is not watched still answers in place of others."""
        replaced = [] if run.key.stream else [*self._replaced(run)]
        watch = self._watches.get(run.key)
        # Another version's alerts end at the same observation however batches are cut.
        for piece in [[one] for one in run.observations] if replaced else [run.observations]:
            for key, heard in replaced:
                if heard.is_replaced(piece[0].max_time):
                    self._end(run, key, heard, piece[0].topic)
            if watch is not None:
                before = self._state(run.partition, run.key) or watch.fresh()
                state = watch.resumed(before, self._heard(run.partition, run.key))
                observations = piece if watch.listens(state) else [each for each in piece if each.command]
                if observations:
                    self._keep(
                        run.partition, run.key, watch.observe(state, observations, self._beside(run.partition, run.key))
                    )

    def _replaced(self, run: Run) -> Iterator[tuple[WatchKey, Heard]]:
        """The watches that end by a run of another version, and up to when their own had answered."""
        newest = max(observation.max_time for observation in run.observations)
        known = {**self._known.get(run.partition, {}), **self.changes.get(run.partition, {})}
        # Sorted: a state that was restored has its entries in another order than one that grew.
        for key in sorted(known):
            if key.model == run.key.model and key.version != run.key.version:
                watch, heard = self._watches[key], self._heard(run.partition, key)
                if heard and heard.is_replaced(newest) and watch.can_be_replaced(known[key], heard):
                    yield key, heard

    def _end(self, run: Run, key: WatchKey, heard: Heard, topic: str) -> None:
        watch, state = self._watches[key], self._state(run.partition, key)
        if not watch.can_be_replaced(state, heard):
            return  # an earlier observation of the run did
        ended = watch.replaced(state, heard, topic, self._beside(run.partition, key))
        self._keep(run.partition, key, ended)
        # The versions' alerts of a signal share a key, of which a reader may see the last record only.
        own_key = WatchKey(run.key.model, run.key.version, key.stream)
        own_watch, own = self._watches.get(own_key), self._state(run.partition, own_key)
        if own_watch and own and ended.alerts:
            keys = {alert.signal.key for alert in ended.alerts}
            beside = self._beside(run.partition, own_key)
            self._keep(run.partition, own_key, own_watch.told(own, keys, topic, beside))

    def _beside(self, partition: int, key: WatchKey) -> list[Beside]:
        """The other streams of a version, which stand still while this one's run is taken."""
        found = []
        for stream in ("", *STREAMS):
            other = key._replace(stream=stream)
            watch, state = self._watches.get(other), self._state(partition, other)
            if other != key and watch and state:
                found.append(watch.beside(state, self._events))
        return found

    def _heard(self, partition: int, key: WatchKey) -> Heard | None:
        """Of the answers of a watch's version, whichever of its streams the watch is over."""
        state = self._state(partition, WatchKey(key.model, key.version))
        return heard_of(state) if isinstance(state, WatchState) else None

    def _state(self, partition: int, key: WatchKey) -> AnyState | None:
        return self.changes.get(partition, {}).get(key) or self._known.get(partition, {}).get(key)

    def _keep(self, partition: int, key: WatchKey, step: Step[Any]) -> None:
        self.changes.setdefault(partition, {})[key] = step.state
        self.figures[key] = step.figures
        self.alerts += step.alerts
        for outcome in step.outcomes:
            self.outcomes.setdefault(outcome.id, []).append(outcome)
