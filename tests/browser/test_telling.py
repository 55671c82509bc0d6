"""What the page says of what it cannot know, and what stays under the hands of whoever uses it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from streams.serving_commands import Rollback
from tests.browser.stage import EVENTS, Stage

WELL = {"roles": ("predict", "drift"), "models": {"churn": "2"}}


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage(dict(WELL)) as own:
        yield own


def alert(alert_id: str, onset_s_ago: float, **more: Any) -> bytes:
    now = time.time()
    told: dict[str, Any] = {
        "alert_id": alert_id,
        "dedupe_key": f"churn/{alert_id}",
        "model": "churn",
        "version": "2",
        "state": "firing",
        "severity": "ticket",
        "kind": "feature",
        "signal": {"feature": alert_id},
        "onset": {"at": text(now - onset_s_ago), "interval": [text(now - onset_s_ago), text(now - onset_s_ago)]},
        "detected_at": text(now),
    }
    return json.dumps({**told, **more}).encode()


def text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_an_outage_is_red_and_leads_to_the_runbook(page: Any, stage: Stage) -> None:
    stage.worker["lag"] = {EVENTS: {"0": 5_000}}
    page.goto(stage.url())
    finding = page.locator("#summary a.bad", has_text="Nothing is answered")
    finding.wait_for()
    assert finding.get_attribute("href") == "/page/runbooks/worker.md#lag-grows"
    assert page.locator("#tile-lag.bad").count() == 1
    assert "well" not in page.locator("#summary").inner_text()


def test_without_a_drift_worker_nobody_says_that_nothing_drifts(page: Any, stage: Stage) -> None:
    stage.worker["roles"] = ("predict",)
    page.goto(stage.url())
    page.locator("#summary", has_text="No drift worker").wait_for()
    page.locator("#no-alerts", has_text="Nothing is watched").wait_for()


def test_alerts_that_cannot_be_read_are_not_none(page: Any, stage: Stage) -> None:
    stage.unreadable = {"alerts": "no such topic"}
    page.goto(stage.url())
    page.locator("#no-alerts", has_text="Alerts cannot be read: no such topic").wait_for()
    page.locator("#problem", has_text="no such topic").wait_for()
    page.locator("#summary .warn", has_text="Not all can be read").wait_for()


def test_a_stream_that_says_nothing_any_more_is_not_live(page: Any, stage: Stage) -> None:
    """As behind a proxy that holds the connection of a worker that is gone."""
    page.add_init_script("""
        window.streams = 0;
        window.EventSource = class extends EventTarget {
            constructor() {
                super();
                window.streams += 1;
                const time = new MessageEvent("time", { data: "1800000000000" });
                if (window.streams === 1) setTimeout(() => this.dispatchEvent(time), 500);
            }
            close() {}
        };
    """)
    page.goto(stage.url())
    page.locator("#link-text", has_text="live").wait_for()
    page.locator("#link-text", has_text="not connected").wait_for()
    page.locator("#summary .warn", has_text="as of 08:00:00 UTC").wait_for()
    page.wait_for_function("() => window.streams > 1")


def test_the_focus_stays_while_time_passes_and_others_come(page: Any, stage: Stage) -> None:
    stage.say("alerts", "a", alert("age", 30))
    page.goto(stage.url())
    entry = page.locator("#alerts button", has_text="age")
    entry.focus()
    said = entry.inner_text()
    page.wait_for_function("(said) => document.activeElement.innerText !== said", arg=said)
    stage.say("alerts", "b", alert("income", 10, severity="page"))
    page.locator("#alerts li:first-child button", has_text="income").wait_for()
    assert page.evaluate("document.activeElement.querySelector('strong')?.textContent") == "age"
    bar = page.locator("#lanes button", has_text="age")
    bar.focus()
    stage.say("alerts", "c", alert("zip", 5))
    page.locator("#lanes button", has_text="zip").wait_for()
    assert page.evaluate("document.activeElement.closest('#lanes') !== null")


def test_since_is_since_the_onset_and_old_events_are_said_to_be_old(page: Any, stage: Stage) -> None:
    stage.say("alerts", "a", alert("slow", 3 * 3600))
    stage.say("alerts", "b", alert("replayed", 10 * 86400, detected_at=text(time.time() - 9 * 86400)))
    page.goto(stage.url())
    slow = page.locator("#alerts button", has_text="slow")
    slow.locator("text=since 3 h 0 min").wait_for()
    assert "time of its events" not in slow.inner_text()
    page.locator("#alerts button", has_text="since 10 d by the time of its events").wait_for()
    assert page.locator("#lanes .clipped").count() == 2


def test_a_roll_back_is_of_what_was_confirmed(page: Any, stage: Stage) -> None:
    stage.say("control", "model/churn", b'{"active": "2", "previous": "1", "revision": 4, "command": "promote"}')
    page.goto(stage.url())
    page.get_by_role("button", name="Roll back churn to 1").click()
    page.get_by_label("Your name").fill("nina")
    # Somebody else promotes meanwhile.
    stage.say("control", "model/churn", b'{"active": "3", "previous": "2", "revision": 5, "command": "promote"}')
    page.locator("#models button", has_text="Roll back churn to 2").wait_for()
    page.locator("#confirm").get_by_role("button", name="Roll back to version 1").click()
    page.locator("#toast", has_text="as ordered").wait_for()
    assert stage.ordered == [("churn", Rollback("nina"), 4)]


def test_a_silence_is_shown_and_ended(page: Any, stage: Stage) -> None:
    until_ms = int(time.time() * 1000) + 3_600_000
    silence = {
        "command": "silence",
        "model": "churn",
        "signal": "age",
        "until": until_ms,
        "author": "nina",
        "revision": 1,
    }
    stage.say("control", "silence/churn/age", json.dumps(silence).encode())
    page.goto(stage.url())
    page.locator("#silences li", has_text="churn age, 59 min more, by nina").wait_for()
    page.get_by_role("button", name="End the silence of churn age").click()
    page.get_by_label("Your name").fill("otto")
    page.locator("#confirm").get_by_role("button", name="End the silence").click()
    page.locator("#toast", has_text="as ordered").wait_for()
    (ordered,) = stage.ordered
    assert (ordered[1].signal, ordered[1].until) == ("age", 0)  # type: ignore[union-attr]
