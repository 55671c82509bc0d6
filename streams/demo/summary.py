"""What a demo came to: the object of `weir demo --json`, and the same for people. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from drift.alert import rfc3339
from streams.demo.injection import Injection
from streams.demo.watcher import AlertSeen, Counts


class Injected(msgspec.Struct, frozen=True):
    """The drift that was made, and the time of the first event that had it."""

    feature: str
    kind: str
    at: str


class Summary(msgspec.Struct, frozen=True):
    """Counts are of what was read from the topics. Percentiles: event time until the prediction could be read.
    Throughput: predictions from the first event to the last prediction."""

    events: int
    predictions: int
    dead_letters: int
    tombstones: int
    alerts: list[dict[str, Any]]
    injected: Injected | None
    seed: int
    first_prediction_s: float | None
    detection_delay_s: float | None
    throughput_per_s: float | None
    p50_ms: int | None
    p99_ms: int | None


def summarise(
    counts: Counts,
    alerts: list[AlertSeen],
    injection: Injection,
    *,
    injected_at_ms: int | None,
    command_at_ms: int,
    seed: int,
) -> Summary:
    """`command_at_ms`: when the command was given, by the wall clock as all times here."""
    first, start, last = counts.first_prediction_ms, counts.first_event_ms, counts.last_prediction_ms
    delay = None
    injected = None
    if injected_at_ms is not None:
        injected = Injected(injection.feature, injection.kind, rfc3339(injected_at_ms))
        found = detection(alerts, injection.feature, injected_at_ms)
        delay = (found.seen_ms - injected_at_ms) / 1_000 if found else None
    return Summary(
        events=counts.events,
        predictions=counts.predictions,
        dead_letters=counts.dead_letters,
        tombstones=counts.tombstones,
        alerts=[alert.record for alert in alerts],
        injected=injected,
        seed=seed,
        first_prediction_s=None if first is None else round((first - command_at_ms) / 1_000, 3),
        detection_delay_s=delay,
        throughput_per_s=None
        if start is None or last is None or last <= start
        else round(counts.predictions * 1_000 / (last - start), 1),
        p50_ms=counts.p50_ms,
        p99_ms=counts.p99_ms,
    )


def detection(alerts: list[AlertSeen], feature: str, injected_at_ms: int) -> AlertSeen | None:
    """The first alert on the feature that was found after the injection."""
    for alert in alerts:
        signal = alert.record.get("signal", {})
        if (
            alert.seen_ms >= injected_at_ms
            and alert.record.get("state") == "firing"
            and signal.get("feature") == feature
        ):
            return alert
    return None


def in_words(summary: Summary, counts: Counts) -> str:
    """For a person who has watched."""
    verdict = "every event answered once" if counts.balanced else "THEY DIFFER"
    answers = f"{summary.predictions:,} predictions + {summary.dead_letters:,} dead letters"
    lines = [f"{summary.events:,} events = {answers} + {summary.tombstones:,} tombstones: {verdict}"]
    if not counts.balanced:
        lines.append(f"{counts.waiting:,} events without an answer, {counts.repeated:,} answers too many")
    if summary.throughput_per_s is not None:
        lines.append(
            f"{summary.throughput_per_s:,.0f} events a second; from event to readable prediction: half within "
            f"{summary.p50_ms} ms, 99 % within {summary.p99_ms} ms; the first {summary.first_prediction_s:.1f} s after "
            "the command"
        )
    if summary.injected is None:
        lines.append("no drift was injected: the demo ended before --drift-at")
    elif summary.detection_delay_s is None:
        lines.append(f"drift of {summary.injected.feature} at {summary.injected.at}: NOT DETECTED before the end")
    else:
        lines.append(f"drift of {summary.injected.feature} detected after {summary.detection_delay_s:.1f} s")
    return "\n".join(lines)
