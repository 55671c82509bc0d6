"""What a command does to the state of a watch: which alerts change by it, and what to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from drift.alert import rfc3339
from drift.command import WHOLE_MODEL, Acknowledge, Command, Rebaseline, Silence, Silenced
from drift.detectors import DetectorBench
from drift.firing import told_again
from drift.phases import Firing
from drift.rebasing import NoBaseline, new_baseline
from drift.report import Identity, id_of
from drift.settings import DriftSettings
from drift.signal_state import SignalState, Transition, start_anew
from drift.signals import Signal
from drift.state import WatchState
from drift.usual import BURN_IN, Learning
from drift.volume_watch import take_volume


class Obeyed(NamedTuple):
    """Whether a command had an effect, in words, and the changes of alerts that came of it: each with its signal as it
    was compared until then."""

    applied: bool
    why: str
    transitions: list[tuple[Signal, Transition]]


class Obedience:
    """Carries out commands at one watch; `signals` are those of the profile, `benches` are by signal."""

    def __init__(
        self, settings: DriftSettings, signals: Sequence[Signal], benches: Mapping[str, DetectorBench]
    ) -> None:
        self._settings, self._benches = settings, benches
        self._signals = {signal.key: signal for signal in signals}

    def obey(self, state: WatchState, identity: Identity, command: Command) -> Obeyed:
        """Change `state` in place; its signals must be its own."""
        match command:
            case Acknowledge():
                return self._acknowledge(state, identity, command)
            case Silence():
                return self._silence(state, command)
            case Rebaseline():
                return self._rebaseline(state, command)

    def lapse(self, state: WatchState, now: int) -> list[tuple[Signal, Transition]]:
        """End the silences whose time is over; the alerts that stand are told with their own severity again."""
        over = [key for key, silence in state.standing.silences.items() if silence.until <= now]
        for key in over:
            state.standing = state.standing.with_silence(key, None)
        covered = {key for each in over for key in self._covered(each) if not state.standing.silence_of(key)}
        return self.told(state, covered)

    def _acknowledge(self, state: WatchState, identity: Identity, command: Acknowledge) -> Obeyed:
        own = state.signals.get(command.signal)
        if own is None or not isinstance(own.phase, Firing):
            return Obeyed(False, f"no alert of {command.signal} stands", [])
        known = id_of(identity, command.signal, own.phase)
        if command.alert_id not in (None, known):
            return Obeyed(False, f"the alert of {command.signal} that stands is {known}, another one", [])
        own.phase = replace(own.phase, acknowledged_by=command.author)
        return Obeyed(True, f"alert {known} is acknowledged", self.told(state, {command.signal}))

    def _silence(self, state: WatchState, command: Silence) -> Obeyed:
        key, what = command.signal or WHOLE_MODEL, command.signal or "every signal"
        if key != WHOLE_MODEL and key not in self._signals:
            return Obeyed(False, f"this version has no signal {key}", [])
        now = state.spans[-1].end if state.spans else None
        if command.until and now is not None and command.until <= now:
            return Obeyed(False, f"{rfc3339(command.until)} is over: events have come to {rfc3339(now)}", [])
        if not command.until and key not in state.standing.silences:
            return Obeyed(False, f"no silence of {what} is there to end", [])
        silence = Silenced(command.until, command.author, command.reason) if command.until else None
        state.standing = state.standing.with_silence(key, silence)
        why = f"{what} is silent until {rfc3339(command.until)}" if silence else f"the silence of {what} is over"
        return Obeyed(True, why, self.told(state, set(self._covered(key))))

    def _rebaseline(self, state: WatchState, command: Rebaseline) -> Obeyed:
        chosen = command.signals or tuple(self._due(state, reset=command.reset))
        if not chosen:
            return Obeyed(False, "no signal has a baseline of its own" if command.reset else "no alert stands", [])
        applied, words = False, []
        transitions: list[tuple[Signal, Transition]] = []
        for key in dict.fromkeys(chosen):
            if key not in self._signals:
                words.append(f"{key}: this version has no such signal")
                continue
            own, signal = state.signals[key], self._compared(state, key)
            try:
                why = self._reset(state, own) if command.reset else self._take_level(state, key, command.author)
            except NoBaseline as refused:
                words.append(f"{key}: {refused}")
                continue
            applied = True
            words.append(f"{key}: {why}")
            if isinstance(own.phase, Firing):
                told = told_again(self._settings, signal, own, own.phase)
                transitions.append(
                    (signal, Transition("resolved", told.effect, told.current, own.phase, "rebaselined"))
                )
            anchors = {s.name: s.reference.stable for s in self._compared(state, key).statistics}
            start_anew(self._benches[key], own, anchors)
        return Obeyed(applied, "; ".join(words), transitions)

    def _due(self, state: WatchState, *, reset: bool) -> list[str]:
        """The signals that a command without names is for."""
        if reset:
            return [key for key, own in state.signals.items() if own.baseline and own.baseline.by]
        return [key for key, own in state.signals.items() if isinstance(own.phase, Firing)]

    def _reset(self, state: WatchState, own: SignalState) -> str:
        if own.baseline is None:
            raise NoBaseline("its reference is the profile's already")
        learned, own.baseline = own.baseline.learned, None
        if learned:
            state.learning = Learning()
            return f"the next {BURN_IN} windows are the reference"
        return "the profile's reference again"

    def _take_level(self, state: WatchState, key: str, author: str) -> str:
        own = state.signals[key]
        samples, onset = own.history, None
        if isinstance(own.phase, Firing):
            onset = own.phase.pending.onset.at
            samples = [sample for sample in samples if sample.start >= onset]
        if own.baseline and own.baseline.learned:
            return take_volume(state, own, self._compared(state, key), samples, author, onset)
        own.baseline = new_baseline(self._signals[key], samples, author)
        return f"the level of {own.baseline.sample.events} events up to {rfc3339(own.baseline.at)} is the reference"

    def told(self, state: WatchState, keys: set[str]) -> list[tuple[Signal, Transition]]:
        """The alerts of these signals that stand, as they are now."""
        told = []
        for key in self._signals:
            own = state.signals[key]
            if key in keys and isinstance(own.phase, Firing):
                signal = self._compared(state, key)
                told.append((signal, told_again(self._settings, signal, own, own.phase)))
        return told

    def _covered(self, key: str) -> list[str]:
        return list(self._signals) if key == WHOLE_MODEL else [key]

    def _compared(self, state: WatchState, key: str) -> Signal:
        return self._signals[key].rebased(state.signals[key].baseline)
