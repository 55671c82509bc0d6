"""The wire record of topic `alerts`: one change of an alert's state, with what an on-call needs to act on it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

import msgspec

from drift.profile import key_of

State: TypeAlias = Literal["firing", "updated", "resolved"]
Severity: TypeAlias = Literal["page", "ticket", "log"]
Kind: TypeAlias = Literal["input", "prediction", "concept", "label", "data_quality", "volume"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class AlertSignal(msgspec.Struct, frozen=True, omit_defaults=True):
    """What drifted: a feature of the input, or a metric of the answers."""

    feature: str | None = None
    metric: str | None = None

    @property
    def key(self) -> str:
        """The key of the signal."""
        return key_of("feature", self.feature) if self.feature is not None else key_of("metric", f"{self.metric}")


class AlertDetector(msgspec.Struct, frozen=True, omit_defaults=True):
    """The detector that fired, with its own reading where it gives one."""

    name: str
    parameters: dict[str, float | int | str | bool]
    statistic: float | None = None
    threshold: float | None = None


class Evidence(msgspec.Struct, frozen=True):
    """Why the change is no accident. `statistic` is what changed: `mean`, `spread`, `shape:<which>`, `null_rate`,
    `unseen_rate`, `out_of_range_rate`, `share:<class>`, `dependence:<pair>` or `volume`; `baseline` is its level in
    `against`,
    `score` the effect in standard errors, widened by `dispersion` (variance between blocks over that of independent
    events), `material` the least effect that counts. `nats` is the evidence (log-likelihood ratio; when it fires, of
    all blocks since it began to mount), `needed` how much keeps the model's false alerts within its budget.
    `calibration`: what is known of the noise; `time` from a reference with times, `rows` from one without, where
    dependence and seasons are not known, `live` from the stream itself. Levels of the volume are events in a typical
    window."""

    statistic: str
    against: Literal["reference", "previous"]
    baseline: float
    level: float
    score: float
    dispersion: float
    material: float
    events: int
    nats: float
    needed: float
    calibration: Literal["time", "rows", "live"]


class AlertEffect(msgspec.Struct, frozen=True):
    """How large, with a 95 % interval. `unit`: `sd` of the reference for a mean, `score` (of deviation 1 there) for a
    shape, `share` for a rate or class, `correlation` of ranks for a pair, `log2` for the volume (1 is
    double, -1 half)."""

    size: float
    unit: Literal["sd", "score", "share", "correlation", "log2"]
    interval: tuple[float, float]


class Histogram(msgspec.Struct, frozen=True):
    """Counts over the bins that `edges` divide, open at both ends: one more count than edges."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class Summary(msgspec.Struct, frozen=True, omit_defaults=True):
    """A signal over `n` events: of a number `mean` and `sd` (of values clipped to the reference's range), of a category
    or boolean the `shares` of its ten commonest classes and of all `(others)`, of numbers together the rank
    `correlations` of their pairs, of the volume the events `per_window` of `window_s` seconds. `from_time` and
    `to_time` bound the events where known. `rebaselined_at`: since then it is what people accepted as the
    reference."""

    n: int
    null_rate: float
    mean: float | None = None
    sd: float | None = None
    out_of_range_rate: float | None = None
    unseen_rate: float | None = None
    histogram: Histogram | None = None
    quantiles: dict[str, float] | None = None
    shares: dict[str, float] | None = None
    correlations: dict[str, float] | None = None
    per_window: float | None = None
    window_s: float | None = None
    from_time: str | None = None
    to_time: str | None = None
    rebaselined_at: str | None = None


class AlertOnset(msgspec.Struct, frozen=True):
    """When it began: start of the first changed block, and between which times it may have begun."""

    at: str
    interval: tuple[str, str]


class AnswerShift(msgspec.Struct, frozen=True):
    """How far the statistic of an output that moved most is from the reference. `material`: by at least the smallest
    change worth an alert of its own; the interval says how sure that is."""

    metric: str
    statistic: str
    size: float
    interval: tuple[float, float]
    material: bool


class Impact(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the change did to the model's answers since its onset."""

    answers: tuple[AnswerShift, ...] = ()


class Replay(msgspec.Struct, frozen=True):
    """Source offsets, both included, that hold every event from the onset to the detection."""

    topic: str
    partitions: dict[int, tuple[int, int]]


class Alert(msgspec.Struct, frozen=True, omit_defaults=True):
    """One state change. `alert_id` is the same from firing to resolved, `dedupe_key` the same for all alerts of a
    signal. Times are RFC 3339, UTC, ms; `detected_at` is the end of the block that brought this change."""

    alert_id: str
    dedupe_key: str
    group_key: str
    state: State
    severity: Severity
    severity_reason: str
    model: str
    version: str
    kind: Kind
    signal: AlertSignal
    detector: AlertDetector
    evidence: Evidence
    effect: AlertEffect
    reference: Summary
    current: Summary
    onset: AlertOnset
    detected_at: str
    blocks: int
    also_drifting: tuple[str, ...]
    suggested_action: str
    runbook: str
    likely: str = ""
    impact: Impact | None = None
    replay: Replay | None = None
    acknowledged_by: str | None = None
    resolved_reason: str | None = None


def alert_id(model: str, version: str, signal: str, profile: str, onset_ms: int) -> str:
    """The same change of the same signal gets the same id, whoever finds it and however often."""
    content = msgspec.json.encode((model, version, signal, profile, onset_ms))
    return hashlib.sha256(content).hexdigest()[:16]


def rfc3339(time_ms: int) -> str:
    """UTC with ms; a time that no calendar holds becomes the first or last one that it does."""
    try:
        moment = _EPOCH + timedelta(milliseconds=time_ms)
    except OverflowError:
        moment = datetime.max.replace(tzinfo=UTC) if time_ms > 0 else datetime.min.replace(tzinfo=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
