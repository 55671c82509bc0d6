"""The watch over what labels tell of one model version: a burn-in, then a watch against what it learned.

The same interface as drift.watch.Watch. Labels come late, each by its own delay, so events are counted whenever they
come: in their own slice while it is open, else in the first that is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from drift.alert import Alert
from drift.blocks import Block
from drift.burn_in import BurnIn
from drift.cells import Layout
from drift.command import Outcome, Rebaseline, signals_of
from drift.detectors import RIVER_DETECTORS, Factory
from drift.observation import Observation
from drift.outcomes import Stream, layout_of
from drift.phases import Firing
from drift.profile import ProfileError, ReferenceProfile, decode_profile
from drift.settings import DriftSettings
from drift.watch import Figures, StateError, Step, Watch, WatchState

SLICE_MS = 5
BLOCK_EVENTS = 10
OLD_BLOCKS = 20
"""As 200 events make a block of inputs."""
PART_OF_BUDGET = 10
"""Alerts about labels may be false a tenth as often as those about inputs and answers."""

_BURN_IN, _REFERENCE = "burn-in", "reference"
_decode_burn_in = msgspec.json.Decoder(BurnIn).decode


@dataclass
class OutcomeState:
    """`burn_in` until the `reference` is learned; then `watched`."""

    burn_in: BurnIn | None
    reference: ReferenceProfile | None = None
    watched: WatchState | None = None

    def dump(self) -> dict[str, bytes]:
        """Every entry under its name."""
        if self.burn_in is not None:
            return {_BURN_IN: msgspec.json.encode(self.burn_in)}
        assert self.reference is not None
        assert self.watched is not None
        return {_REFERENCE: self.reference.encode(), **self.watched.dump()}


class OutcomeWatch:
    """Watches one stream of one model version with the reference profile `profile`."""

    def __init__(
        self,
        model: str,
        version: str,
        stream: Stream,
        profile: ReferenceProfile,
        settings: DriftSettings,
        burn_in: int,
        detectors: Mapping[str, Factory] = RIVER_DETECTORS,
    ) -> None:
        """The first `burn_in` events become the reference. Raises UnknownDetector."""
        self.model, self.version, self.stream = model, version, stream
        self._layout = layout_of(stream, profile)
        self._settings, self._burn_in, self._detectors = outcome_settings(settings), burn_in, detectors
        self._cells = Layout.of(self._layout).size
        self._watch: tuple[str, Watch] | None = None
        self._watching(self._layout)  # a detector that is unknown is found at the start

    @property
    def keys(self) -> tuple[str, ...]:
        """What its signals go by."""
        return self._layout.keys

    def fresh(self) -> OutcomeState:
        """The state before any observation."""
        return OutcomeState(BurnIn())

    def load(self, entries: Mapping[str, bytes]) -> OutcomeState:
        """A state from what `OutcomeState.dump` gave. Raises StateError."""
        if not entries:
            return self.fresh()
        try:
            if _BURN_IN in entries:
                return OutcomeState(_decode_burn_in(entries[_BURN_IN]))
            reference = decode_profile(entries[_REFERENCE])
        except (KeyError, msgspec.MsgspecError, ProfileError) as error:
            raise StateError(f"the state of the {self.stream} cannot be read ({error})") from error
        own = {name: data for name, data in entries.items() if name != _REFERENCE}
        return OutcomeState(None, reference, self._watching(reference).load(own))

    def observe(self, state: OutcomeState, observations: Sequence[Observation]) -> Step[OutcomeState]:
        """Take observations in the order of their partitions; `state` stays as it is."""
        alerts: list[Alert] = []
        blocks: list[Block] = []
        outcomes: list[Outcome] = []
        figures = Figures(events=state.burn_in.events if state.burn_in else 0)
        waiting: list[Observation] = []
        for observation in [*observations, None]:
            anew = observation is not None and self._is_to_learn_anew(state, observation)
            if state.burn_in is None and (observation is None or anew):
                assert state.reference is not None
                assert state.watched is not None
                step = self._watching(state.reference).observe(state.watched, waiting)
                state, figures, waiting = OutcomeState(None, state.reference, step.state), step.figures, []
                alerts, blocks, outcomes = alerts + step.alerts, blocks + step.blocks, outcomes + step.outcomes
            if observation is None:
                break
            learning = state.burn_in
            if anew and state.watched is not None:
                state, ended = self._learn_anew(state, observation)
                alerts += ended
                outcomes.append(_answer(observation, applied=True, why=f"the next {self._burn_in} are the reference"))
            elif learning is None:
                waiting.append(observation)
            elif observation.command is not None:
                obeying, done = learning.obeying(observation.command)
                state = OutcomeState(obeying)
                why = done or self._nothing_yet(observation)
                outcomes.append(_answer(observation, applied=done is not None, why=why))
            elif self._is_ours(observation):
                state = self._burnt(learning.plus(observation, self._settings.slice_ms))
                figures = Figures(events=state.burn_in.events if state.burn_in else 0)
        return Step(state, alerts, figures, blocks, outcomes)

    def _nothing_yet(self, observation: Observation) -> str:
        assert observation.command is not None
        named = signals_of(observation.command)
        return f"too few {self.stream} to compare with yet" if named else "no alert stands"

    def _burnt(self, burn_in: BurnIn) -> OutcomeState:
        """With a reference as soon as there are events enough."""
        if burn_in.events < self._burn_in:
            return OutcomeState(burn_in)
        reference = burn_in.learned(self._layout)
        watched = self._watching(reference).fresh()
        watched.partitions, watched.standing = dict(burn_in.partitions), burn_in.standing
        return OutcomeState(None, reference, watched)

    def _is_to_learn_anew(self, state: OutcomeState, observation: Observation) -> bool:
        """Blocks are small here, so those that are remembered hold too few events to be a reference."""
        command = observation.command
        if not isinstance(command, Rebaseline) or command.reset:
            return False
        if command.signals:
            return not set(command.signals).isdisjoint(self.keys)
        signals = state.watched.signals.values() if state.watched else ()
        return any(isinstance(signal.phase, Firing) for signal in signals)

    def _learn_anew(self, state: OutcomeState, observation: Observation) -> tuple[OutcomeState, list[Alert]]:
        assert state.reference is not None
        assert state.watched is not None
        ended = self._watching(state.reference).resolve_all(state.watched, observation.topic)
        partitions = dict(sorted(state.watched.partitions.items()))
        return OutcomeState(BurnIn(partitions=partitions, standing=state.watched.standing)), ended

    def _is_ours(self, observation: Observation) -> bool:
        named = (observation.model, observation.version, observation.profile)
        if named != (self.model, self.version, self._layout.id):
            return False
        return all(0 <= cell < self._cells for delta in observation.slices for cell in delta.cells)

    def _watching(self, reference: ReferenceProfile) -> Watch:
        if self._watch is None or self._watch[0] != reference.id:
            watch = Watch(
                self.model,
                self.version,
                reference,
                self._settings,
                expected_partitions=0,
                detectors=self._detectors,
                observed_as=self._layout.id,
            )
            self._watch = reference.id, watch
        return self._watch[1]


def _answer(observation: Observation, *, applied: bool, why: str) -> Outcome:
    assert observation.command is not None
    return Outcome(observation.command.id, applied, why)


def outcome_settings(settings: DriftSettings) -> DriftSettings:
    """Small blocks, since labels are few and each counts; nothing is waited for, since nothing is too late."""
    return msgspec.structs.replace(
        settings,
        block_events=BLOCK_EVENTS,
        fair_events=BLOCK_EVENTS,
        old_blocks=OLD_BLOCKS,
        block_ms=10 * SLICE_MS,
        max_hold_ms=0,
        keep_late=True,
        false_page_days=settings.false_page_days * PART_OF_BUDGET,
    )
