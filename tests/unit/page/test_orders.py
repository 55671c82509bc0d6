"""From what a browser sends to a command for the controller."""

from __future__ import annotations

import json

import pytest

from drift.command import Acknowledge, Rebaseline, Silence
from streams.page.orders import OrderInvalid, decode_order
from streams.serving_commands import Rollback

NOW_MS = 1_000_000
ABOUT = {"model": "churn", "signal": "age", "author": "nina", "reason": "why"}


@pytest.mark.parametrize(
    ("order", "command"),
    [
        ({"action": "acknowledge", **ABOUT, "alert_id": "a1"}, Acknowledge("nina", "age", "a1", "why")),
        ({"action": "silence", **ABOUT, "minutes": 30}, Silence("nina", NOW_MS + 1_800_000, "age", "why")),
        ({"action": "silence", **ABOUT, "minutes": 0}, Silence("nina", 0, "age", "why")),
        ({"action": "silence", "model": "churn", "author": "nina", "minutes": 0}, Silence("nina", 0)),
        ({"action": "rebaseline", **ABOUT, "expected_revision": 3}, Rebaseline("nina", ("age",), reason="why")),
        ({"action": "rollback", "model": "churn", "author": "nina", "expected_revision": 3}, Rollback("nina")),
    ],
)
def test_every_action_is_its_command(order: dict[str, object], command: object) -> None:
    ordered = decode_order(json.dumps(order).encode(), NOW_MS)
    assert ordered == ("churn", command, order.get("expected_revision"))


def test_who_is_known_by_a_key_signs_with_its_name() -> None:
    body = json.dumps({"action": "acknowledge", **ABOUT, "alert_id": "a1", "author": "somebody else"}).encode()
    assert decode_order(body, NOW_MS, "ops-key").command.author == "ops-key"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"action": "promote", "model": "churn", "author": "a"}',
        b'{"action": "rollback", "model": "churn", "author": "a"}',
        b'{"action": "rollback", "model": "churn", "expected_revision": 1}',
        b'{"action": "rollback", "model": "churn", "expected_revision": 1, "author": ""}',
        b'{"action": "rollback", "model": "churn", "expected_revision": 1, "author": "policy"}',
        b'{"action": "rollback", "model": "churn", "expected_revision": 1, "author": "a", "version": "3"}',
        b'{"action": "rebaseline", "model": "churn", "signal": "age", "author": "a"}',
        b'{"action": "silence", "model": "m", "signal": "s", "author": "a", "minutes": -1}',
        b'{"action": "silence", "model": "m", "signal": "s", "author": "a", "minutes": 1000000}',
    ],
)
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(OrderInvalid):
        decode_order(body, NOW_MS)
