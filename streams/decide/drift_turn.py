"""One batch of observations at the watches: every version in the order of the log, and what it means for the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeAlias

from drift.alert import Alert
from drift.beside import Beside
from drift.command import Outcome
from drift.ending import Heard, heard_of
from drift.observation import REMOVED, Observation
from drift.outcome_watch import OutcomeState
from drift.outcomes import STREAMS
from drift.removed import ends_of
from drift.watch import Figures, StateError, Step, WatchState
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
    """Collects what the watches say; `known` are the states before, by partition, `asleep` the entries of those that
    nobody watches. `events` is the topic that offsets of inputs are in."""

    def __init__(
        self,
        watches: Mapping[WatchKey, AnyWatch],
        known: Mapping[int, Mapping[WatchKey, AnyState]],
        asleep: Mapping[int, Mapping[WatchKey, Mapping[str, bytes]]],
        events: str,
    ) -> None:
        self._watches, self._known, self._asleep, self._events = watches, known, asleep, events
        self.changes: dict[int, dict[WatchKey, AnyState | None]] = {}
        """None: it is to be forgotten."""
        self.figures: dict[WatchKey, Figures] = {}
        self.alerts: list[Alert] = []
        self.outcomes: dict[str, list[Outcome]] = {}

    def take(self, run: Run) -> None:
        """A version that is not watched still answers in place of others."""
        if run.key.stream == REMOVED:
            self._remove(run)
            return
        replaced = [] if run.key.stream else [*self._replaced(run)]
        watch = self._watches.get(run.key)
        # What another version's alerts come to is told at the same observation however batches are cut.
        apart = replaced or self._is_shared(run)
        for piece in [[one] for one in run.observations] if apart else [run.observations]:
            begin = len(self.alerts)
            for key, heard in replaced:
                if heard.is_replaced(piece[0].max_time):
                    self._end(run.partition, key, heard, piece[0].topic)
            self._tell_again(run, begin)
            if watch is not None:
                before = self._state(run.partition, run.key) or watch.fresh()
                state = watch.resumed(before, self._heard(run.partition, run.key))
                observations = piece if watch.listens(state) else [each for each in piece if each.command]
                if observations:
                    begin = len(self.alerts)
                    step = watch.observe(state, observations, self._beside(run.partition, run.key))
                    self._keep(run.partition, run.key, step)
                    self._tell_again(run, begin)

    def _replaced(self, run: Run) -> Iterator[tuple[WatchKey, Heard]]:
        """The watches that end by a run of another version, and up to when their own had answered."""
        newest = max(observation.max_time for observation in run.observations)
        for key, watch, state in self._of_model(run):
            heard = self._heard(run.partition, key)
            if key.version == run.key.version or not heard or not heard.is_replaced(newest):
                continue
            if watch.can_be_replaced(state, heard):
                yield key, heard

    def _of_model(self, run: Run) -> Iterator[tuple[WatchKey, AnyWatch, AnyState]]:
        """What is known of the model, of every version and stream."""
        # Sorted: a state that was restored has its entries in another order than one that grew.
        for key in sorted({*self._known.get(run.partition, {}), *self.changes.get(run.partition, {})}):
            state = self._state(run.partition, key)
            if key.model == run.key.model and state is not None:
                yield key, self._watches[key], state

    def _is_shared(self, run: Run) -> bool:
        """Whether alerts of the run's stream stand for another version."""
        return any(
            key.stream == run.key.stream and key.version != run.key.version and any(watch.beside(state, "").firing)
            for key, watch, state in self._of_model(run)
        )

    def _end(self, partition: int, key: WatchKey, heard: Heard, topic: str) -> None:
        watch, state = self._watches[key], self._state(partition, key)
        if watch.can_be_replaced(state, heard):  # else an earlier observation of the run did
            self._keep(partition, key, watch.replaced(state, heard, topic, self._beside(partition, key)))

    def _remove(self, run: Run) -> None:
        """End the alerts of a version that is not in the registry any more, and forget it."""
        begin = len(self.alerts)
        for stream in ("", *STREAMS):
            key = run.key._replace(stream=stream)
            state = self._state(run.partition, key)
            entries = state.dump() if state else self._asleep.get(run.partition, {}).get(key)
            changes = self.changes.setdefault(run.partition, {})
            if entries and (key not in changes or state):
                with suppress(StateError):  # of another format: nobody knows what stood
                    self.alerts += ends_of(entries)
                self.figures[key] = Figures()
                changes[key] = None
        self._tell_again(run, begin)

    def _tell_again(self, run: Run, begin: int) -> None:
        """After the end of an alert, those of the signal that stand for other versions: they share a key, of which a
        reader may see the last record only."""
        last = {alert.dedupe_key: alert for alert in self.alerts[begin:]}
        ended = {alert.signal.key for alert in last.values() if alert.state == "resolved"}
        for key, watch, state in [*self._of_model(run)] if ended else []:
            told = watch.told(state, ended, self._events, self._beside(run.partition, key))
            if told.alerts:
                self._keep(run.partition, key, told)

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
        changes = self.changes.get(partition, {})
        return changes[key] if key in changes else self._known.get(partition, {}).get(key)

    def _keep(self, partition: int, key: WatchKey, step: Step[Any]) -> None:
        self.changes.setdefault(partition, {})[key] = step.state
        self.figures[key] = step.figures
        self.alerts += step.alerts
        for outcome in step.outcomes:
            self.outcomes.setdefault(outcome.id, []).append(outcome)
