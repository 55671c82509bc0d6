"""Writes the alert of a transition: numbers in the signal's own units, and what to do about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from drift.alert import (
    Alert,
    AlertDetector,
    AlertEffect,
    AlertOnset,
    AlertSignal,
    Evidence,
    Impact,
    Kind,
    Replay,
    Summary,
    alert_id,
    rfc3339,
)
from drift.alert_summary import baseline_summary, current_summary, reference_summary
from drift.baseline import Baseline
from drift.blocks import Span
from drift.command import Silenced
from drift.gate import level_of
from drift.likely import likely_change
from drift.likely_labels import likely_of_labels
from drift.measures import Level, Quantity, Statistic
from drift.noise import DAY_HOURS, WEEK_HOURS
from drift.phases import Effect, Firing
from drift.profile import NumberReference, ReferenceProfile
from drift.signal_state import Transition
from drift.signals import Signal
from drift.volume import typical

RUNBOOK = "docs/runbooks/drift.md"

_ACTIONS: dict[Kind, str] = {
    "input": "Compare the current with the reference histogram; ask the feature's owner what changed at the onset. If"
    " the change is here to stay, retrain or accept the new level as the reference.",
    "prediction": "Look at the features in also_drifting first: answers follow inputs. If none drifts, check for a new"
    " model version or preprocessing at the onset.",
    "concept": "The model is wrong more often than when its labels were first seen. Look which labels it misses and"
    " whether inputs drift too; if not, what they mean has changed: retrain on events since the onset. Until then a"
    " fallback or the version before may do better.",
    "label": "Ask the owner of the labels what changed at the onset: late or missing labels make every other figure"
    " about errors stale; another mix of labels means another world, or another way to label.",
    "volume": "Ask the producers what changed at the onset: a source that stopped, a filter, retries, a replay. If the"
    " rate is here to stay, accept it as the reference (weir drift rebaseline).",
    "data_quality": "Check the producer and its schema at the onset: new nulls, categories or values in a constant"
    " column are mostly a broken or changed source. Replay the range after the fix.",
}


_KINDS: dict[str, Kind] = {"output": "prediction", "error": "concept", "label": "label", "volume": "volume"}

_PAIR_ACTION = (
    "Two features no longer go together as in training, though each alone looks as it did. Look for a changed join or"
    " sort order of one of them at the onset, and for a new kind of event; compare the model's errors when labels come."
)


class Identity(msgspec.Struct, frozen=True):
    """What an alert is about, besides the signal; `topic` holds the events."""

    model: str
    version: str
    profile: str
    topic: str


def write_alert(
    identity: Identity,
    reference: ReferenceProfile,
    signal: Signal,
    transition: Transition,
    blocks: Sequence[Span],
    also_drifting: Sequence[str],
    impact: Impact | None,
    replay: Replay | None,
    silence: Silenced | None = None,
) -> Alert:
    """The record of a transition. `blocks` are the last ones, the latest last; `impact` is on the answers, `replay`
    names the events."""
    firing, effect, current = transition.firing, transition.effect, transition.current
    onset = firing.pending.onset
    statistic = signal.statistic(effect.statistic)
    base = statistic.reference if effect.against == "reference" else firing.pending.previous[statistic.name]
    level = level_of(statistic, current) or base
    kind = _kind(signal, statistic)
    name = signal.reference.name
    now = current_summary(signal.reference, current)
    if signal.baseline is None:
        before = reference_summary(signal.reference, reference)
    else:
        before = baseline_summary(signal.reference, signal.baseline)
    return Alert(
        alert_id=id_of(identity, signal.key, firing),
        dedupe_key=f"{identity.model}/{signal.key}",
        group_key=firing.group_key,
        state=transition.state,
        severity="log" if silence else firing.severity,
        severity_reason=_severity_reason(signal, statistic, firing, silence),
        model=identity.model,
        version=identity.version,
        kind=kind,
        signal=AlertSignal(feature=name) if signal.reference.role == "feature" else AlertSignal(metric=name),
        detector=AlertDetector(
            firing.pending.detection.name,
            firing.pending.detection.parameters,
            firing.pending.detection.statistic,
            firing.pending.detection.threshold,
        ),
        evidence=_evidence(reference, signal, statistic, transition, base, level),
        effect=AlertEffect(effect.size, statistic.unit, (effect.low, effect.high)),
        reference=before,
        current=now,
        onset=AlertOnset(rfc3339(onset.at), (rfc3339(onset.earliest), rfc3339(onset.latest))),
        detected_at=rfc3339(blocks[-1].end),
        blocks=firing.blocks,
        also_drifting=tuple(also_drifting),
        suggested_action=_PAIR_ACTION if statistic.quantity is Quantity.DEPENDENCE else _ACTIONS[kind],
        runbook=RUNBOOK,
        likely="" if transition.state == "resolved" else _likely(signal, effect, before, now),
        impact=impact,
        replay=replay,
        acknowledged_by=firing.acknowledged_by,
        resolved_reason=transition.resolved_reason,
    )


def id_of(identity: Identity, signal: str, firing: Firing) -> str:
    """The id that an alert of this signal bears."""
    return alert_id(identity.model, identity.version, signal, identity.profile, firing.pending.onset.at)


def _likely(signal: Signal, effect: Effect, before: Summary, now: Summary) -> str:
    shares = before.shares, now.shares
    if signal.reference.role in {"error", "label"} and shares[0] is not None and shares[1] is not None:
        told = likely_of_labels(signal.reference.name, shares[0], shares[1])
        if told and effect.statistic.startswith(Quantity.SHARE):
            return told
    return likely_change(effect.statistic, effect.size, before, now)


def _kind(signal: Signal, statistic: Statistic) -> Kind:
    if statistic.quality:
        return "data_quality"
    return _KINDS.get(signal.reference.role, "input")


def _severity_reason(signal: Signal, statistic: Statistic, firing: Firing, silence: Silenced | None = None) -> str:
    if silence is not None:
        note = f" ({silence.reason})" if silence.reason else ""
        own = f"{firing.severity}, since {_severity_reason(signal, statistic, firing)}"
        return f"silenced by {silence.by} until {rfc3339(silence.until)}{note}; else {own}"
    least = f"{statistic.material:g} {statistic.unit}"
    if firing.paged_by:
        called = _severity_reason(signal, statistic, replace(firing, severity="page", paged_by=None))
        return f"{called}; {firing.paged_by} is the page of its group"
    if signal.baseline and signal.baseline.learned:
        return f"{statistic.name} is more than {least} away from the reference, {_learned(signal.baseline)}"
    if firing.severity == "page" and signal.reference.role == "error":
        return f"{statistic.name} of the errors is more than {least} above the reference: labels prove the model worse"
    if firing.severity == "page" and signal.reference.role == "output":
        return f"{statistic.name} of the answers is more than {least} away from the reference, and inputs moved with it"
    if firing.severity == "page":
        return f"{statistic.name} is more than {least} away from the reference, and the answers moved with it"
    if firing.severity == "ticket":
        return f"{statistic.name} is more than {least} away from the reference"
    against = firing.effect.against
    return f"{statistic.name} moved by more than {least} against what was {against}, but is still near the reference"


def _learned(baseline: Baseline) -> str:
    known = baseline.learned
    assert known is not None
    hours = f"which was learned from {known.hours} h of the live stream"
    if known.hours < DAY_HOURS:
        return f"{hours}: too short to know how much a day swings"
    cycle = {DAY_HOURS: "with the cycle of a day", WEEK_HOURS: "with the cycle of a week"}
    return f"{hours}, {cycle.get(len(known.season), 'no cycle of a day or week known')}"


def _evidence(
    reference: ReferenceProfile,
    signal: Signal,
    statistic: Statistic,
    transition: Transition,
    base: Level,
    level: Level,
) -> Evidence:
    score, dispersion = transition.effect.score, transition.firing.pending.dispersion.get(statistic.name, 1.0)
    nats = max(score * score / 2, statistic.best_gain(level) / dispersion)
    if transition.state == "firing":
        # The proof was over all blocks since the evidence began; what is told, since the likeliest onset.
        nats = max(nats, transition.firing.proof)
    # What the hour is due to shift belongs to both.
    season = transition.current.season.get(statistic.name, 0.0)
    return Evidence(
        statistic=statistic.name,
        against=transition.effect.against,
        baseline=_in_units(signal, statistic, base.value + season),
        level=_in_units(signal, statistic, level.value + season),
        score=score,
        dispersion=dispersion,
        material=statistic.material,
        events=current_summary(signal.reference, transition.current).n,
        nats=nats,
        needed=statistic.threshold,
        calibration=_basis(reference, signal),
    )


def _basis(reference: ReferenceProfile, signal: Signal) -> Literal["time", "rows", "live"]:
    if signal.reference.role == "volume":
        return "live"
    return reference.calibration.basis if reference.calibration else "rows"


def _in_units(signal: Signal, statistic: Statistic, value: float) -> float:
    reference = signal.reference
    if statistic.quantity is Quantity.VOLUME:
        return typical(value)
    if statistic.quantity is Quantity.MEAN and isinstance(reference, NumberReference):
        return reference.mean + value * reference.scale
    return value
