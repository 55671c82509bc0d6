"""A record of each sort, as it is shown. Pure."""

from __future__ import annotations

from typing import Any

from models.schema import Feature, InputSchema, Kind

Json = dict[str, Any]

EVENT_HEADERS: Json = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}

PREDICTION_HEADERS: Json = {
    "content-type": "application/json",
    "ce_specversion": "1.0",
    "ce_id": "events/3/0/churn",
    "ce_source": "/shop/weir",
    "ce_type": "weir.prediction.v1",
    "ce_time": "2026-11-24T09:30:00.000Z",
}

PREDICTION: Json = {
    "id": "events/3/0/churn",
    "event_id": "e-1",
    "time": "2026-11-24T09:30:00.000Z",
    "model": "churn",
    "version": "1",
    "prediction": 1,
    "served_by": "model",
    "degraded": False,
    "source": {"topic": "events", "partition": 3, "offset": 0},
    "score": 0.9999843502378364,
}

DEAD_LETTER_HEADERS: Json = {
    "weir-stage": "validate",
    "weir-reason": "feature_type",
    "weir-error": "features.calls: expected a number, got a string",
    "weir-source": "events/3/1",
    "weir-attempt": "1",
    "weir-model": "churn",
}

LABEL: Json = {"event_id": "e-1", "label": "yes", "time": "2026-11-24T12:00:00Z"}

ALERT: Json = {
    "alert_id": "9f6a4c1e0b7d2a35",
    "dedupe_key": "churn/feature/calls",
    "group_key": "churn/1/2026-11-24T09:30:00.000Z",
    "state": "firing",
    "severity": "ticket",
    "severity_reason": "mean is more than 0.2 sd away from the reference",
    "model": "churn",
    "version": "1",
    "kind": "input",
    "signal": {"feature": "calls"},
    "detector": {"name": "ADWIN", "parameters": {"clock": 1}},
    "evidence": {
        "statistic": "mean",
        "against": "reference",
        "baseline": 0.0,
        "level": 1.4,
        "score": 34.2,
        "dispersion": 1.0,
        "material": 0.2,
        "events": 678,
        "nats": 60.1,
        "needed": 22.4,
        "calibration": "rows",
    },
    "effect": {"size": 1.39, "unit": "sd", "interval": [1.31, 1.47]},
    "reference": {"n": 24548, "null_rate": 0.0, "mean": 3.2, "sd": 1.1},
    "current": {"n": 678, "null_rate": 0.0, "mean": 4.7, "sd": 1.1},
    "onset": {
        "at": "2026-11-24T09:29:58.000Z",
        "interval": ["2026-11-24T09:29:57.900Z", "2026-11-24T09:29:58.100Z"],
    },
    "detected_at": "2026-11-24T09:29:58.400Z",
    "blocks": 3,
    "also_drifting": [],
    "suggested_action": "Compare the current with the reference histogram.",
    "runbook": "docs/runbooks/drift.md",
    "replay": {"topic": "events", "partitions": {"3": [120, 798]}},
}

OBSERVATION: Json = {
    "model": "churn",
    "version": "1",
    "profile": "5d1c0b7e",
    "topic": "events",
    "partition": 3,
    "first_offset": 0,
    "last_offset": 1,
    "max_time": 1795512600000,
    "slices": [{"slice": 1795512600, "events": 1, "cells": {"0": 1}}],
}

PROPOSAL: Json = {
    "command": "promote",
    "author": "anna",
    "version": "2",
    "reason": "better on last week",
    "model": "churn",
    "expected_revision": 1,
}

ACCEPTED: Json = {**PROPOSAL, "id": "k3v9", "revision": 2, "active": "2", "previous": "1"}

ANSWER: Json = {"outcome": "applied", "why": "", "revision": 2}


def event(schema: InputSchema | None) -> Json:
    """With a value for each feature of a schema."""
    features: Json = {"calls": 3.2, "minutes": 0.4} if schema is None else example_features(schema)
    return {"id": "e-1", "time": "2026-11-24T09:30:00Z", "features": features}


def example_features(schema: InputSchema) -> Json:
    """Values that the schema allows: in the middle of their range, the first category."""
    return {feature.name: _value(feature) for feature in schema.features}


def _value(feature: Feature) -> str | bool | float:
    if feature.kind is Kind.BOOLEAN:
        return False
    if feature.kind is Kind.CATEGORY:
        return feature.categories[0] if feature.categories else ""
    low, high = feature.minimum, feature.maximum
    if low is None or high is None:
        return next((float(bound) for bound in (low, high) if bound is not None), 0.0)
    return low / 2 + high / 2  # their sum may be too large
