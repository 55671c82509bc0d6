"""The watch over what labels tell of one model version: a burn-in, then a watch against what it learned.

The same interface as drift.watch.Watch. Labels come late, each by its own delay, so events are counted whenever they
come: in their own slice while it is open, else in the first that is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import msgspec

from drift.beside import Beside
from drift.blocks import Block
from drift.burn_in import learned
from drift.command import Outcome, Rebaseline
from drift.detectors import RIVER_DETECTORS, Factory
from drift.ending import Heard, stands
from drift.observation import Observation
from drift.outcomes import Stream, layout_of
from drift.profile import ProfileError, ReferenceProfile, decode_profile
from drift.settings import DriftSettings
from drift.watch import Figures, StateError, Step, Watch, WatchState

SLICE_MS = 5
BLOCK_EVENTS = 10
OLD_BLOCKS = 20
"""As 200 events make a block of inputs."""
PART_OF_BUDGET = 10
"""Alerts about labels may be false a tenth as often as those about inputs and answers."""

_BURN_IN, _REFERENCE, _RETIRED = "burn-in", "reference", "retired"
_decode_blocks = msgspec.json.Decoder(tuple[Block, ...]).decode
_decode_count = msgspec.json.Decoder(int).decode


@dataclass
class OutcomeState:
    """Before there is a `reference`, `blocks` that it will be learned from. `retired`: how many offsets its version had
    answered when another took its place (drift.ending.Heard)."""

    watched: WatchState
    reference: ReferenceProfile | None = None
    blocks: tuple[Block, ...] = ()
    retired: int | None = None

    def dump(self) -> dict[str, bytes]:
        """Every entry under its name."""
        entries = self.watched.dump()
        if self.retired is not None:
            entries[_RETIRED] = msgspec.json.encode(self.retired)
        if self.reference is None:
            return {_BURN_IN: msgspec.json.encode(self.blocks), **entries}
        return {_REFERENCE: self.reference.encode(), **entries}


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
        self._watch: tuple[ReferenceProfile, Watch] | None = None
        self._watching(self._layout)  # a detector that is unknown is found at the start

    @property
    def keys(self) -> tuple[str, ...]:
        """What its signals go by."""
        return self._layout.keys

    def fresh(self) -> OutcomeState:
        """The state before any observation."""
        return OutcomeState(self._watching(self._layout).fresh())

    def load(self, entries: Mapping[str, bytes]) -> OutcomeState:
        """A state from what `OutcomeState.dump` gave. Raises StateError."""
        if not entries:
            return self.fresh()
        own = {name: data for name, data in entries.items() if name not in {_BURN_IN, _REFERENCE, _RETIRED}}
        try:
            retired = _decode_count(entries[_RETIRED]) if _RETIRED in entries else None
            if _BURN_IN in entries:
                blocks = _decode_blocks(entries[_BURN_IN])
                return OutcomeState(self._watching(self._layout).load(own), None, blocks, retired)
            reference = decode_profile(entries[_REFERENCE])
        except (KeyError, msgspec.MsgspecError, ProfileError) as error:
            raise StateError(f"the state of the {self.stream} cannot be read ({error})") from error
        return OutcomeState(self._watching(reference).load(own), reference, retired=retired)

    def resumed(self, state: OutcomeState, heard: Heard | None) -> OutcomeState:
        """As it is once its version is known to have answered so much: watched again, if that is more than when it was
        retired."""
        has_answered = state.retired is not None and heard is not None and heard.offsets != state.retired
        return replace(state, retired=None) if has_answered else state

    def listens(self, state: OutcomeState) -> bool:
        """Whether what is observed counts: labels still come when their version is gone, too late for an alert to be of
        use."""
        return state.retired is None

    def can_be_replaced(self, state: OutcomeState, heard: Heard) -> bool:
        """Not twice, unless its version answered again."""
        return state.retired != heard.offsets

    def beside(self, state: OutcomeState, topic: str) -> Beside:
        """What the other streams of its version are to know of it; `topic` holds its events."""
        return self._watch_of(state).beside(state.watched, topic)

    def replaced(
        self, state: OutcomeState, heard: Heard, topic: str, beside: Sequence[Beside] = ()
    ) -> Step[OutcomeState]:
        """End the alerts: another version answers instead of this one, of which no more was heard than this."""
        step = self._watch_of(state).replaced(state.watched, heard, topic, beside)
        return self._step(replace(state, retired=heard.offsets), step)

    def told(
        self, state: OutcomeState, keys: set[str], topic: str, beside: Sequence[Beside] = ()
    ) -> Step[OutcomeState]:
        """Tell the alerts of these signals that stand again."""
        return self._step(state, self._watch_of(state).told(state.watched, keys, topic, beside))

    def observe(
        self, state: OutcomeState, observations: Sequence[Observation], beside: Sequence[Beside] = ()
    ) -> Step[OutcomeState]:
        """Take observations in the order of their partitions, while the streams `beside` stand still; `state` stays as
        it is."""
        steps: list[Step[OutcomeState]] = []
        begin = 0
        while begin < len(observations):
            end = begin + 1
            if self._is_to_learn_anew(state, observations[begin]):
                step = self._learn_anew(state, observations[begin], beside)
            elif state.reference is None and observations[begin].command is None:
                step = self._learn(state, observations[begin], beside)
            else:
                while state.reference and end < len(observations) and observations[end].command is None:
                    end += 1
                step = self._observe(state, observations[begin:end], beside)
            steps.append(step)
            state, begin = step.state, end
        figures = steps[-1].figures if steps else self._observe(state, ()).figures
        return Step(
            state,
            [alert for step in steps for alert in step.alerts],
            figures,
            [block for step in steps for block in step.blocks],
            [outcome for step in steps for outcome in step.outcomes],
        )

    def _observe(
        self, state: OutcomeState, observations: Sequence[Observation], beside: Sequence[Beside] = ()
    ) -> Step[OutcomeState]:
        return self._step(state, self._watch_of(state).observe(state.watched, observations, beside))

    def _step(self, state: OutcomeState, step: Step[WatchState]) -> Step[OutcomeState]:
        return Step(replace(state, watched=step.state), step.alerts, step.figures, step.blocks, step.outcomes)

    def _learn(self, state: OutcomeState, observation: Observation, beside: Sequence[Beside]) -> Step[OutcomeState]:
        """Blocks by event time, whatever they came in, until they hold enough; those after are judged by them."""
        watched, found = self._watching(self._layout).collect(state.watched, observation)
        figures = Figures(events=watched.counts.events, late_events=watched.counts.late)
        blocks = (*state.blocks, *found)
        sums = [*accumulate(block.tally.events for block in blocks)]
        enough = bisect_left(sums, self._burn_in) + 1
        if enough > len(blocks):
            return Step(replace(state, watched=watched, blocks=blocks), [], figures)
        reference = learned(self._layout, blocks[:enough])
        going_on = self._going_on(watched, reference)
        step = self._watching(reference).judge(going_on, blocks[enough:], observation.topic, beside)
        return self._step(replace(state, reference=reference, blocks=()), step)

    def _is_to_learn_anew(self, state: OutcomeState, observation: Observation) -> bool:
        """Blocks are small here, so those that are remembered hold too few events to be a reference."""
        command = observation.command
        if state.reference is None or not isinstance(command, Rebaseline) or command.reset or not self.listens(state):
            return False
        if command.id in state.watched.standing.taken:
            return False
        return not set(command.signals).isdisjoint(self.keys) if command.signals else stands(state.watched)

    def _learn_anew(
        self, state: OutcomeState, observation: Observation, beside: Sequence[Beside]
    ) -> Step[OutcomeState]:
        assert state.reference is not None
        assert observation.command is not None
        ended = self._watching(state.reference).resolve_all(state.watched, observation.topic, beside)
        why = f"the next {self._burn_in} {self.stream} are the reference"
        own = replace(state, watched=self._going_on(state.watched, self._layout), reference=None)
        own.watched.standing = own.watched.standing.having_taken(observation.command.id)
        return Step(own, ended, Figures(), outcomes=[Outcome(observation.command.id, True, why)])

    def _going_on(self, watched: WatchState, reference: ReferenceProfile) -> WatchState:
        """What was counted stays; what was thought of it by another reference does not."""
        fresh = self._watching(reference).fresh()
        return replace(
            watched, profile=fresh.profile, signals=fresh.signals, chosen=fresh.chosen, spans=[], told={}, furthest=None
        )

    def _watch_of(self, state: OutcomeState) -> Watch:
        return self._watching(state.reference or self._layout)

    def _watching(self, reference: ReferenceProfile) -> Watch:
        known = self._watch
        if known is not None and known[0] is reference:
            return known[1]  # an id is a hash of the whole
        if known is not None and known[0].id == reference.id:
            watch = known[1]
        else:
            watch = Watch(
                self.model,
                self.version,
                reference,
                self._settings,
                expected_partitions=0,
                detectors=self._detectors,
                observed_as=self._layout.id,
            )
        self._watch = reference, watch
        return watch


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
        volume_window_ms=0,
        false_page_days=settings.false_page_days * PART_OF_BUDGET,
    )
