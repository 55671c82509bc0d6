"""Which alerts of a model belong together, and which of them is the page."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from drift.alert import rfc3339
from drift.beside import Beside, page_of
from drift.outcomes import is_error, is_worse
from drift.phases import Firing
from drift.profile import ReferenceProfile
from drift.signal_state import Transition
from drift.signals import Signal
from drift.state import WatchState

GROUP_MS = 60_000
"""Alerts of one model with onsets this close belong to one group."""


def grouped(
    model: str,
    profile: ReferenceProfile,
    signals: Sequence[Signal],
    state: WatchState,
    signal: Signal,
    transition: Transition,
    beside: Sequence[Beside] = (),
) -> Transition:
    """Give a new alert, in place, the group of one that fires since about the same time, in this stream or one
    `beside` it, or a group of its own; and make the first of a group a page that shows that answers moved together with
    what they are made from, or became worse."""
    onset = transition.firing.pending.onset.at
    group = f"{model}/{rfc3339(onset)}"
    own = [other.phase for other in state.signals.values() if isinstance(other.phase, Firing)]
    for other in (*own, *(phase for stream in beside for _, phase in stream.firing)):
        if other.group_key and abs(other.pending.onset.at - onset) <= GROUP_MS:
            group = other.group_key
            break
    firing = replace(transition.firing, group_key=group)
    if firing.severity == "ticket" and _is_page(profile, signals, state, signal, firing, group):
        page = page_of(group, beside)
        firing = replace(firing, paged_by=page) if page else replace(firing, severity="page")
    state.signals[signal.key].phase = firing
    return Transition(transition.state, transition.effect, transition.current, firing)


def _is_page(
    profile: ReferenceProfile,
    signals: Sequence[Signal],
    state: WatchState,
    signal: Signal,
    firing: Firing,
    group: str,
) -> bool:
    """Whether labels prove it, or this alert of the group is the first to show both inputs and answers, whichever of
    them it is."""
    reference = signal.reference
    if profile.calibration is None or profile.calibration.basis != "time":
        return False
    together = {
        own.key: phase.severity
        for own in signals
        if own.reference.role != "volume"
        and isinstance(phase := state.signals[own.key].phase, Firing)
        and phase.group_key == group
    }
    if "page" in together.values():
        return False
    if is_error(reference):
        classes = signal.statistic(firing.effect.statistic).classes
        return bool(classes) and is_worse(reference, classes, firing.effect.size)
    if reference.role in {"error", "label", "volume"}:
        return False
    outputs = {own.key for own in signals if own.reference.role == "output"}
    is_output = signal.key in outputs
    return any((key in outputs) != is_output and severity == "ticket" for key, severity in together.items())
