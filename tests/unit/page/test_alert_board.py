"""Alerts as the page keeps them."""

from __future__ import annotations

import json

import pytest

from streams.page.alert_board import MOST_ALERTS, AlertBoard
from tests.unit.page.telling import at


def record(alert_id: str, state: str) -> bytes:
    about = {"dedupe_key": "churn/age", "model": "churn", "version": "1", "severity": "ticket"}
    return json.dumps({"alert_id": alert_id, "state": state, **about}).encode()


def test_an_alert_keeps_when_it_was_first_told_and_its_newest_state() -> None:
    board = AlertBoard()
    for tick, state in ((1, "firing"), (4, "updated"), (9, "resolved")):
        board.take(record("a", state), at(tick))
        assert [each["alert_id"] for each in board.standing()] == (["a"] if state != "resolved" else [])
    (shown,) = board.shown()
    assert (shown["told"], shown["changed"], shown["record"]["state"]) == (at(1), at(9), "resolved")


def test_those_that_stand_come_first_and_stay_when_there_are_too_many() -> None:
    board = AlertBoard()
    board.take(record("old and firing", "firing"), at(0))
    for number in range(2 * MOST_ALERTS):
        board.take(record(f"r{number}", "resolved"), at(number + 1))
    shown = [each["record"]["alert_id"] for each in board.shown()]
    assert len(shown) == MOST_ALERTS
    assert shown[:2] == ["old and firing", f"r{2 * MOST_ALERTS - 1}"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff",
        b"[1]",
        b"{}",
        b'{"alert_id": 3}',
        record("a", "firing")[:-1] + b', "effect": {"size": "large"}}',
        b'{"alert_id":"' + b"x" * 300_000 + b'"}',
    ],
)
def test_what_is_no_alert_changes_nothing(value: bytes | None) -> None:
    board = AlertBoard()
    board.take(value, at(1))
    assert (board.shown(), board.version) == ([], 0)
