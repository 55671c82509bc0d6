"""Alerts: which are shown, in which order, and what their cards say."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from drift.alert import Alert, Evidence, Summary
from streams.cli.alerts import decode_alert, newest_states, parse_since
from streams.cli.cards import alert_card, firing_first, histogram, signal_of

ALERT: dict[str, Any] = {
    "alert_id": "a1",
    "dedupe_key": "churn/amount",
    "state": "firing",
    "severity": "ticket",
    "severity_reason": "material, impact unknown",
    "model": "churn",
    "version": "3",
    "kind": "input",
    "signal": {"feature": "amount"},
    "detector": {"name": "ADWIN", "parameters": {"clock": 1}, "statistic": 0.52, "threshold": 0.002},
    "effect": {"size": 1.25, "unit": "sd", "interval": [1.1, 1.4]},
    "evidence": {
        "statistic": "mean",
        "against": "reference",
        "baseline": 10.5,
        "level": 13.0,
        "score": 8.2,
        "events": 400,
    },
    "reference": {"n": 900, "mean": 10.5, "sd": 2.0, "null_rate": 0.0, "histogram": {"counts": [1, 5, 9, 5, 1]}},
    "current": {"n": 400, "mean": 13.0, "sd": 2.1, "null_rate": 0.25, "histogram": {"counts": [0, 1, 2, 6, 12]}},
    "onset": {"at": "2026-01-01T00:00:00Z", "interval": ["2025-12-31T23:59:00Z", "2026-01-01T00:01:00Z"]},
    "detected_at": "2026-01-01T00:02:00Z",
    "suggested_action": "compare the source of amount",
}


def rendered(alert: dict[str, Any]) -> str:
    out = io.StringIO()
    Console(file=out, width=120, force_terminal=False).print(alert_card(alert))
    return out.getvalue()


def test_a_card_says_what_since_when_how_much_and_what_to_do() -> None:
    text = rendered(ALERT)
    for expected in (
        "FIRING",
        "ticket",
        "feature amount",
        "churn 3",
        "2026-01-01T00:00:00Z",
        "detected 2026-01-01T00:02:00Z",
        "1.25 sd (1.1 to 1.4)",
        "mean from 10.5 (reference) to 13 by 8.2 standard errors on 400 events",
        "▁▅█▅▁ mean 10.5, sd 2, of 900 events",
        "mean 13, sd 2.1, null rate 0.25, of 400 events",
        "ADWIN",
        "compare the source of amount",
    ):
        assert expected in " ".join(text.split()), expected


def test_a_category_shows_the_shares_of_its_classes() -> None:
    text = rendered({**ALERT, "current": {"n": 10, "null_rate": 0, "shares": {"a": 0.25, "b": 0.75}}})
    assert "b 75%, a 25%, of 10 events" in text


def test_a_card_takes_what_the_drift_role_writes() -> None:
    """The fields that a card reads are those of the wire record."""
    read = {*ALERT, "also_drifting", "resolved_reason", "runbook"}
    assert read <= set(Alert.__struct_fields__)
    assert set(ALERT["evidence"]) <= set(Evidence.__struct_fields__)
    assert set(ALERT["current"]) <= set(Summary.__struct_fields__)


def test_text_of_an_alert_neither_colours_nor_escapes() -> None:
    text = rendered({**ALERT, "signal": {"feature": "[red]x[/red]\x1b[2J\u202e"}})
    assert "[red]x[/red]\\x1b[2J\\u202e" in text
    assert "\x1b" not in text


PLAIN = st.none() | st.booleans() | st.floats() | st.text()
NESTED = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)


@given(st.dictionaries(st.sampled_from(list(ALERT)), NESTED))
def test_any_object_has_a_card(alert: dict[str, Any]) -> None:
    assert rendered(alert)


def test_firing_comes_first_then_severity_then_the_newest() -> None:
    def make(name: str, state: str, severity: str, at: str) -> dict[str, str]:
        return {"alert_id": name, "state": state, "severity": severity, "detected_at": at}

    alerts = [
        make("resolved page", "resolved", "page", "5"),
        make("old ticket", "firing", "ticket", "1"),
        make("new ticket", "updated", "ticket", "2"),
        make("page", "firing", "page", "0"),
    ]
    assert [a["alert_id"] for a in firing_first(alerts)] == ["page", "new ticket", "old ticket", "resolved page"]


def test_of_each_alert_the_newest_state_counts_and_a_tombstone_removes_it() -> None:
    def value(state: str) -> bytes:
        return json.dumps({"state": state}).encode()

    records = [(b"a", value("firing")), (b"b", value("firing")), (b"c", value("firing"))]
    records += [(b"a", value("resolved")), (b"b", b"not json")]
    found = newest_states([*records, (b"c", None)])
    assert found == [{"state": "resolved"}]
    assert decode_alert(b"[1]") is None


def test_histogram_merges_neighbours_and_tells_nothing_from_little() -> None:
    assert histogram([0, 1, 100]) == " ▁█"
    assert len(histogram([1.0] * 100, width=32)) <= 32
    assert histogram([0, 0]) == ""
    assert histogram([]) == ""


def test_a_signal_without_name_is_called_by_its_kind() -> None:
    assert signal_of({"kind": "volume", "signal": {}}) == "volume"
    assert signal_of({"signal": {"metric": "accuracy", "segment": "NL"}}) == "metric accuracy, segment NL"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 910_000),
        ("2m", 880_000),
        ("1970-01-01T00:16:40Z", 1_000_000),
        ("1970-01-01T01:16:40+01:00", 1_000_000),
        ("1970-01-01T00:16:40", 1_000_000),
        ("9w", 0),
    ],
)
def test_since_is_a_duration_or_a_time(text: str, expected: int) -> None:
    assert parse_since(text, now_ms=1_000_000) == expected


@pytest.mark.parametrize("text", ["", "soon", "-5m", "5", "5y", "99999999999d"])
def test_anything_else_is_wrong_usage(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_since(text, now_ms=0)
