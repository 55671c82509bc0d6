"""The decision of the drift role: merge what the workers observed, and say which alerts change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from drift.alert import Alert
from drift.challenge import PAIRS
from drift.command import Outcome, signals_of
from drift.comparison import Comparison
from drift.observation import REMOVED, Observation
from drift.watch import Figures
from streams.control_records import Answer, answer_key
from streams.decide.comparing import compared, proposed
from streams.decide.drift_runs import Run, WatchKey, runs_of
from streams.decide.drift_state import DriftChange, DriftState, load_drift
from streams.decide.drift_turn import AnyWatch, Turn
from streams.decider import PartitionState
from streams.joining.state import ModelVersion
from streams.records import Decision, OutboxRecord, RecordBatch


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What one batch of observations came to, for metrics and logs. `unreadable` and `unknown` were skipped; `answers`
    are to the commands in it. `comparisons` changed (by model), `decided` came to a verdict."""

    figures: dict[WatchKey, Figures]
    alerts: list[Alert]
    unreadable: int = 0
    unknown: dict[WatchKey, int] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    comparisons: dict[str, Comparison] = field(default_factory=dict)
    decided: list[Comparison] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Grouped:
    """Observations of a batch, in source order; `pairs` (of challengers) by partition, since no watch knows of them."""

    runs: Sequence[Run]
    unreadable: int
    pairs: Mapping[int, list[Observation]] = field(default_factory=dict)


_decode_observation = msgspec.json.Decoder(Observation).decode


class DriftDecider:
    """Watches the model versions whose reference profiles are known; others are counted and left alone.

    `look_for` may add watches of versions that come for the first time. It is asked before they are observed, so that
    a restart, which knows them from the start, comes to the same. Of versions whose reference is not known, but whose
    state is, `removed` tells those that are not in the registry any more. That goes into the log of observations: so
    their alerts end once, whoever is restarted when.
    """

    role = "drift"

    def __init__(
        self,
        *,
        watches: Mapping[WatchKey, AnyWatch],
        events_topic: str,
        alerts_topic: str,
        control_topic: str,
        observations_topic: str,
        look_for: Callable[[Collection[ModelVersion]], None] = lambda _names: None,
        removed: Callable[[Collection[ModelVersion]], Collection[ModelVersion]] = lambda _names: (),
    ) -> None:
        self._watches, self._look_for, self._removed = watches, look_for, removed
        self._events_topic, self._alerts_topic, self._control_topic = events_topic, alerts_topic, control_topic
        self._observations_topic = observations_topic

    def load(self, _partition: int, entries: Mapping[str, bytes]) -> DriftState:
        return load_drift(self._watches, entries)

    def prepare(self, batch: RecordBatch) -> Grouped:
        """Read the observations."""
        addressed: list[tuple[int, WatchKey, Observation]] = []
        pairs: dict[int, list[Observation]] = {}
        unreadable = 0
        for partition, value in zip(batch.partitions, batch.values, strict=True):
            try:
                observation = _decode_observation(value or b"")
            except msgspec.MsgspecError:
                unreadable += 1
                continue
            if observation.stream == PAIRS:
                pairs.setdefault(partition, []).append(observation)
                continue
            addressed += ((partition, key, observation) for key in self._addressed(observation))
        return Grouped(runs_of(addressed), unreadable, pairs)

    def _addressed(self, observation: Observation) -> list[WatchKey]:
        """A command is for all of the model's watches that have its signals; without a version, for all versions."""
        command = observation.command
        if command is None:
            return [WatchKey(observation.model, observation.version, observation.stream)]
        own = [
            key for key in self._watches if key.model == observation.model and observation.version in {"", key.version}
        ]
        named = set(signals_of(command))
        return [key for key in own if not named or not named.isdisjoint(self._watches[key].keys)] or own[:1]

    def decide(self, states: Mapping[int, PartitionState], batch: RecordBatch, prepared: Grouped) -> Decision:
        """Observe in source order, partition by partition. Idle batches of `observations` itself mean nothing."""
        outbox: list[OutboxRecord] = []
        unknown: dict[WatchKey, int] = {}
        strangers = {
            ModelVersion(*run.key[:2])
            for run in prepared.runs
            if run.key not in self._watches and run.key.stream != REMOVED
        }
        if strangers:
            self._look_for(strangers)
        own = {p: state for p, state in states.items() if isinstance(state, DriftState)}
        known = {p: state.awake(self._watches) for p, state in own.items()}
        turn = Turn(self._watches, known, {p: state.asleep for p, state in own.items()}, self._events_topic)
        for run in prepared.runs:
            turn.take(run)
            if run.key not in self._watches and run.key.stream != REMOVED:
                unknown[run.key] = unknown.get(run.key, 0) + len(run.observations)
        answers = {command_id: _answer(found) for command_id, found in turn.outcomes.items()}
        comparisons: dict[int, dict[str, Comparison]] = {}
        decided: list[tuple[str, Comparison]] = []
        for partition, pairs in prepared.pairs.items():
            comparisons[partition], found = compared(own[partition].comparisons, pairs)
            decided += found
        if not batch.replay:
            outbox = [
                OutboxRecord(self._alerts_topic, alert.dedupe_key.encode(), msgspec.json.encode(alert))
                for alert in turn.alerts
            ]
            outbox += [
                OutboxRecord(self._control_topic, answer_key(command_id), msgspec.json.encode(answer))
                for command_id, answer in answers.items()
            ]
            proposals = (proposed(model, comparison, self._control_topic) for model, comparison in decided)
            outbox += [proposal for proposal in proposals if proposal is not None]
            sleeping = {key for p, state in own.items() for key in state.asleep.keys() - turn.changes.get(p, {}).keys()}
            outbox += self._removals(sleeping - self._watches.keys())
        report = DriftReport(
            turn.figures,
            turn.alerts,
            prepared.unreadable,
            unknown,
            answers,
            {model: comparison for each in comparisons.values() for model, comparison in each.items()},
            [comparison for _, comparison in decided],
        )
        changes = {
            partition: DriftChange(turn.changes.get(partition, {}), comparisons.get(partition, {}))
            for partition in turn.changes.keys() | comparisons.keys()
        }
        return Decision(outbox, changes, report)

    def _removals(self, sleeping: Collection[WatchKey]) -> list[OutboxRecord]:
        """To be read in the log of observations by whoever has its partition then."""
        names = {ModelVersion(*key[:2]) for key in sleeping}
        return [
            OutboxRecord(
                self._observations_topic,
                of.model.encode(),
                msgspec.json.encode(Observation(*of, "", self._events_topic, -1, -1, -1, 0, stream=REMOVED)),
            )
            for of in (self._removed(names) if names else ())
        ]

    def give_up(self, batch: RecordBatch, _error: Exception) -> Decision:
        """An observation that cannot be merged is skipped and counted: the detectors go on without it."""
        return Decision([], {}, DriftReport({}, [], unreadable=len(batch)))


def _answer(outcomes: Sequence[Outcome]) -> Answer:
    """Of all versions that a command went to: applied if it had an effect on any."""
    applied = [outcome.why for outcome in outcomes if outcome.applied]
    told = applied or [outcome.why for outcome in outcomes]
    return Answer("applied" if applied else "refused", "; ".join(dict.fromkeys(told)))
