"""The watch over one model version: observations of all workers in, changes of alerts out. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from drift.alert import Alert
from drift.beside import Beside
from drift.blocks import Block, Span
from drift.cells import Layout
from drift.command import Command, Outcome
from drift.detectors import RIVER_DETECTORS, Factory, benches_of
from drift.ending import REPLACED_MS, Heard, end_alerts, stands, stopped_at
from drift.gate import effects, levels_of, pooled
from drift.grouping import grouped
from drift.impact import impact_since
from drift.life import advance
from drift.memory import remembered
from drift.merging import Merger
from drift.obey import Obedience
from drift.observation import Observation
from drift.phases import Firing, Quiet, Sample
from drift.profile import ReferenceProfile
from drift.report import Identity, write_alert
from drift.settings import DetectorSpec, DriftSettings
from drift.signal_state import Transition
from drift.signals import Signal, signals_of
from drift.state import Counts, StateError, WatchState, load_state
from drift.volume import KEY as VOLUME
from drift.volume_watch import VolumeWatch, volume_signal
from drift.windows import Window

__all__ = ["DetectorSpec", "DriftSettings", "Figures", "StateError", "Step", "Watch", "WatchState"]

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Figures:
    """Where the watch stands. `statistics`: per signal, how far its last blocks are from the reference in units of what
    is material (1.0 and more is worth an alert). The counts are totals; see drift.state.Counts."""

    statistics: dict[str, float] = field(default_factory=dict)
    firing: dict[Literal["page", "ticket", "log"], int] = field(default_factory=dict)
    late_events: int = 0
    overlapping_events: int = 0
    foreign_observations: int = 0
    events: int = 0
    blocks_closed: int = 0


@dataclass(frozen=True, slots=True)
class Step(Generic[State]):
    """The state after some observations, and on the way there, in order, the changes of alerts, the blocks that were
    judged, and what became of commands."""

    state: State
    alerts: list[Alert]
    figures: Figures
    blocks: list[Block] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)


class Watch:
    """Merges observations by event time into blocks, and judges each signal block by block.

    Holds settings only; what it remembers is in the state that goes in and comes out. The same observations, in any
    batches, give the same bytes; so do the same events in any split over partitions and observations, unless late.
    """

    def __init__(
        self,
        model: str,
        version: str,
        profile: ReferenceProfile,
        settings: DriftSettings,
        expected_partitions: int,
        detectors: Mapping[str, Factory] = RIVER_DETECTORS,
        observed_as: str | None = None,
    ) -> None:
        """`expected_partitions` of the source topic hold back time until they are heard of. `observed_as`: the profile
        that observations name, if it is another with the same signals. Raises UnknownDetector."""
        self.model = model
        self.version = version
        self._profile = profile
        self._profile_id = profile.id
        self._settings = settings
        self._layout = Layout.of(profile)
        self._merger = Merger(
            model=model,
            version=version,
            profile=observed_as or profile.id,
            layout=self._layout,
            settings=settings,
            expected=expected_partitions,
        )
        self._signals = signals_of(profile, settings)
        # An output may go by that name; its users know it as theirs.
        watches_volume = settings.volume_window_ms > 0 and VOLUME not in profile.keys
        if watches_volume:
            self._signals += (volume_signal(settings),)
        chosen = {signal.key: settings.detectors_of(signal.key) for signal in self._signals}
        errors = {signal.key for signal in self._signals if signal.reference.role == "error"}
        self._benches = benches_of(chosen, detectors, errors)
        self.volume = None
        if watches_volume:
            self.volume = VolumeWatch(settings, self._signals[-1], self._benches[VOLUME], expected_partitions)
        self._obedience = Obedience(settings, self._signals, self._benches)

    @property
    def keys(self) -> tuple[str, ...]:
        """What its signals go by."""
        return tuple(signal.key for signal in self._signals)

    def fresh(self) -> WatchState:
        """The state before any observation."""
        return self.load({})

    def load(self, entries: Mapping[str, bytes]) -> WatchState:
        """A state from what `WatchState.dump` gave. Raises StateError."""
        return load_state(entries, self._profile_id, self._settings, self._signals, self._benches)

    def observe(
        self, state: WatchState, observations: Sequence[Observation], beside: Sequence[Beside] = ()
    ) -> Step[WatchState]:
        """Take observations in the order of their partitions, while the streams `beside` stand still; `state` stays as
        it is."""
        shared, state = state.signals, state.copy()
        alerts: list[Alert] = []
        blocks: list[Block] = []
        outcomes: list[Outcome] = []
        for observation in observations:
            command = observation.command
            if command is not None:
                state.separate_signals(shared)
                outcome, changed = self._obey(state, command, observation.topic, beside)
                outcomes += [outcome] if outcome else []
                alerts += changed
                continue
            for closed in self._closed(state, observation):
                state.separate_signals(shared)
                if isinstance(closed, Window):
                    alerts += self._judge_window(state, closed, observation.topic, beside)
                else:
                    blocks.append(closed)
                    alerts += self._judge(state, closed, observation.topic, beside)
            stopped = stopped_at(state)
            if stopped is not None and stands(state, but=VOLUME):
                state.separate_signals(shared)
                alerts += self._end(state, observation.topic, stopped, "no_data", beside)
        return Step(state, alerts, self._figures(state), blocks, outcomes)

    def collect(self, state: WatchState, observation: Observation) -> tuple[WatchState, list[Block]]:
        """The blocks that an observation closes, not judged by any signal."""
        state = state.copy()
        return state, self._merger.merge(state, observation)

    def beside(self, state: WatchState, topic: str) -> Beside:
        """What the other streams of its version are to know of it; `topic` holds its events."""
        return Beside(topic, self._signals, state)

    def judge(
        self, state: WatchState, blocks: Sequence[Block], topic: str, beside: Sequence[Beside] = ()
    ) -> Step[WatchState]:
        """Take blocks that were collected."""
        state = state.apart()
        alerts = [alert for block in blocks for alert in self._judge(state, block, topic, beside)]
        return Step(state, alerts, self._figures(state), list(blocks))

    def resolve_all(self, state: WatchState, topic: str, beside: Sequence[Beside] = ()) -> list[Alert]:
        """The ends of all alerts that stand, as what they are compared with is given up. `state` stays as it is."""
        state = state.apart()
        ended = end_alerts(self._settings, self._signals, self._benches, state, "rebaselined")
        return self._written(state, topic, ended, beside)

    def resumed(self, state: WatchState, _heard: Heard | None) -> WatchState:
        """As it is once its version is known to have answered so much."""
        return state

    def listens(self, _state: WatchState) -> bool:
        """Whether what is observed counts."""
        return True

    def can_be_replaced(self, state: WatchState, _heard: Heard) -> bool:
        """Whether any alert is out that could end."""
        return stands(state)

    def replaced(self, state: WatchState, heard: Heard, topic: str, beside: Sequence[Beside] = ()) -> Step[WatchState]:
        """End the alerts: another version answers instead of this one, of which no more was heard than this."""
        state = state.apart()
        alerts = self._end(state, topic, heard.until + REPLACED_MS, "model_changed", beside)
        return Step(state, alerts, self._figures(state))

    def told(self, state: WatchState, keys: set[str], topic: str, beside: Sequence[Beside] = ()) -> Step[WatchState]:
        """Tell the alerts of these signals that stand again."""
        state = state.copy()
        alerts = self._written(state, topic, self._obedience.told(state, keys), beside)
        return Step(state, alerts, self._figures(state))

    def _end(
        self,
        state: WatchState,
        topic: str,
        at: int,
        reason: Literal["no_data", "model_changed"],
        beside: Sequence[Beside],
    ) -> list[Alert]:
        # That there is no data is what an alert of the volume tells.
        over = self._signals if reason == "model_changed" else [s for s in self._signals if s.key != VOLUME]
        ended = end_alerts(self._settings, over, self._benches, state, reason)
        return self._written(state, topic, ended, beside, Span(at, at))

    def _obey(
        self, state: WatchState, command: Command, topic: str, beside: Sequence[Beside]
    ) -> tuple[Outcome | None, list[Alert]]:
        """Carry a command out, from here on in the log. None: it was before."""
        if command.id in state.standing.taken:
            return None, []
        identity = Identity(self.model, self.version, self._profile_id, topic)
        applied, why, transitions = self._obedience.obey(state, identity, command)
        state.standing = state.standing.having_taken(command.id)
        return Outcome(command.id, applied, why), self._written(state, topic, transitions, beside)

    def _closed(self, state: WatchState, observation: Observation) -> list[Block | Window]:
        """What an observation closes, in the order of time."""
        blocks = self._merger.merge(state, observation)
        windows = self.volume.closed(state, observation) if self.volume else []
        return sorted([*blocks, *windows], key=lambda closed: closed.end) if windows else [*blocks]

    def _judge_window(self, state: WatchState, window: Window, topic: str, beside: Sequence[Beside]) -> list[Alert]:
        assert self.volume is not None
        found = self.volume.judge(state, window)
        lapsed = [
            (signal, transition)
            for signal, transition in self._obedience.lapse(state, window.end)
            if not found or signal.key != VOLUME
        ]
        transitions = [*([found] if found else []), *lapsed]
        return self._written(state, topic, transitions, beside, Span(window.start, window.end))

    def _judge(self, state: WatchState, block: Block, topic: str, beside: Sequence[Beside]) -> list[Alert]:
        """Every signal takes the block; alerts are written when all have, so that each can name the others."""
        span = Span(block.start, block.end, block.tally.offsets)
        state.spans = remembered([*state.spans, span], self._settings.old_blocks, Span.plus)
        transitions: list[tuple[Signal, Transition]] = []
        moving: set[str] = set()
        for index, cells in enumerate(self._layout.split(block.tally.cells)):
            own = state.signals[self._signals[index].key]
            compared = signal = self._signals[index].rebased(own.baseline)
            season = signal.season(block.stretches)
            sample = Sample(block.start, block.end, block.tally.events, cells, season=season)
            if not isinstance(own.phase, Firing):
                signal = signal.apart_from(moving)
            transition = advance(self._settings, signal, self._benches[signal.key], own, sample)
            if not isinstance(own.phase, Quiet):
                moving.add(signal.key)
            if transition:
                transitions.append((compared, transition))
        told = {signal.key for signal, _ in transitions}
        lapsed = self._obedience.lapse(state, block.end)
        transitions += [(signal, transition) for signal, transition in lapsed if signal.key not in told]
        return self._written(state, topic, transitions, beside)

    def _written(
        self,
        state: WatchState,
        topic: str,
        transitions: list[tuple[Signal, Transition]],
        beside: Sequence[Beside],
        after: Span | None = None,
    ) -> list[Alert]:
        identity = Identity(self.model, self.version, self._profile_id, topic)
        alerts = []
        spans = [*state.spans, after] if after else state.spans
        streams = (self.beside(state, topic), *beside)
        for signal, found in transitions:
            transition = found
            if found.state == "firing":
                transition = grouped(self.model, self._profile, self._signals, state, signal, found, beside)
            others = sorted(key for stream in streams for key in stream.drifting if key != signal.key)
            outputs = (answer for stream in streams for answer in stream.answers if answer[0].key != signal.key)
            onset = transition.firing.pending.onset
            impact = impact_since(onset.at, outputs)
            elsewhere = (stream.replay(onset.earliest, open_too=True) for stream in beside)
            replay = streams[0].replay(onset.earliest) or next(filter(None, elsewhere), None)
            silence = state.standing.silence_of(signal.key)
            alert = write_alert(identity, self._profile, signal, transition, spans, others, impact, replay, silence)
            alerts.append(alert)
            if alert.state == "resolved":
                state.told.pop(signal.key, None)
            else:
                state.told[signal.key] = alert
        return alerts

    def _furthest(self, state: WatchState) -> dict[str, float]:
        """Per signal, how far its last blocks are from the reference, in units of what is material."""
        statistics: dict[str, float] = {}
        for plain in self._signals:
            own = state.signals[plain.key]
            if own.history:
                signal, latest = plain.rebased(own.baseline), pooled(own.history[-self._settings.persistence :])
                found = effects(signal, levels_of(signal, latest), {}, {})
                statistics[signal.key] = max((effect.ratio for effect in found), default=0.0)
        return statistics

    def _figures(self, state: WatchState) -> Figures:
        if state.furthest is None:
            state.furthest = self._furthest(state)
        firing: dict[Literal["page", "ticket", "log"], int] = {}
        for key, own in state.signals.items():
            if isinstance(own.phase, Firing):
                severity = "log" if state.standing.silence_of(key) else own.phase.severity
                firing[severity] = firing.get(severity, 0) + 1
        counts: Counts = state.counts
        return Figures(
            statistics=state.furthest,
            firing=firing,
            late_events=counts.late,
            overlapping_events=counts.overlapping,
            foreign_observations=counts.foreign,
            events=counts.events,
            blocks_closed=counts.blocks,
        )
