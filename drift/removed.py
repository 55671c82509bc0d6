"""Ends alerts of a version whose reference is gone: nothing can be compared any more, so they end as they were told."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from drift.alert import Alert, rfc3339
from drift.state import told_last


def ends_of(entries: Mapping[str, bytes]) -> list[Alert]:
    """Of the alerts that stand by the entries of a state, at the event time that it had come to. Raises StateError."""
    alerts, until = told_last(entries)
    return [
        replace(
            alert,
            state="resolved",
            resolved_reason="model_changed",
            likely="",
            detected_at=max(alert.detected_at, "" if until is None else rfc3339(until)),
        )
        for alert in alerts
    ]
