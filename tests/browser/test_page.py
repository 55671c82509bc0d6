"""The operators' page in a real browser, on a real worker: drift is seen, looked after, and seen to end."""

from __future__ import annotations

import re
import signal
from typing import Any

from streams.kafka.client import client_config
from streams.kafka.proposals import propose
from streams.serving_commands import Promote
from streams.settings import KafkaSettings
from tests.browser.scene import MODEL, Scene
from tests.docs.pages import ROOT


def alert(page: Any, what: str) -> Any:
    """The entry of a signal's alert that stands."""
    return page.locator("#alerts .alert:not(.over)").filter(has_text=what)


def test_drift_appears_is_acknowledged_and_is_seen_resolved(page: Any, scene: Scene) -> None:
    page.goto(scene.page())
    page.locator("#summary", has_text="All is well").wait_for()
    page.locator("#tile-answered", has_text=re.compile(r"[1-9]\d+/s")).wait_for()
    assert page.locator("#no-alerts").is_visible()
    scene.feed.shift = 2.0
    entry = alert(page, "amount")
    entry.wait_for()
    page.locator("#lanes button", has_text="amount").wait_for()
    assert "alert" in page.locator("#summary").inner_text()

    entry.click()
    card = page.locator("#card")
    for words in ("amount", "sd, 95 % between", "What to do", "weir replay --alert", "Moving too"):
        assert words in card.inner_text()
    assert card.locator("svg.histogram rect.now").count() > 5
    assert card.get_by_role("button", name="Roll back").is_disabled()
    with page.expect_popup() as opened:
        card.get_by_role("link", name="Runbook").click()
    first_line = (ROOT / "docs/runbooks/drift.md").read_text().splitlines()[0]
    opened.value.locator("pre", has_text=first_line).wait_for()
    opened.value.close()

    card.get_by_role("button", name="Acknowledge").click()
    page.get_by_label("Your name").fill("nina")
    page.get_by_label("Reason").fill("asking the <b>sensor</b> team")
    page.locator("#confirm").get_by_role("button", name="Acknowledge").click()
    page.locator("#toast", has_text="applied").wait_for()
    card.locator("dd", has_text="nina").wait_for()
    page.keyboard.press("Escape")
    entry.locator("text=looked after by nina").wait_for()

    scene.feed.shift = 0.0
    page.locator("#alerts .alert.over", has_text="amount").wait_for()
    page.locator("#summary", has_text="All is well").wait_for()


def test_an_order_that_is_refused_says_why_and_keeps_what_was_typed(page: Any, scene: Scene) -> None:
    """Here by the web, which takes no order without the page's mark; then the same order goes through."""
    page.goto(scene.page())
    scene.feed.shift = 2.0
    entry = alert(page, "amount")
    entry.wait_for()
    entry.click()
    page.route("**/page/orders", lambda route: route.continue_(headers=without_mark(route.request.headers)))
    page.locator("#card").get_by_role("button", name="Silence").click()
    page.get_by_label("Your name").fill("nina")
    page.locator("#confirm").get_by_role("button", name="Silence").click()
    page.locator("#confirm [role=alert]", has_text="X-Weir-Page").wait_for()
    assert page.get_by_label("Your name").input_value() == "nina"
    page.unroute("**/page/orders")
    page.locator("#confirm").get_by_role("button", name="Silence").click()
    page.locator("#toast", has_text="applied").wait_for()
    page.locator("#card dd", has_text="nina").first.wait_for()
    scene.feed.shift = 0.0


def test_a_version_that_was_promoted_is_rolled_back(page: Any, scene: Scene) -> None:
    config = client_config(KafkaSettings(bootstrap_servers=scene.servers))
    promoted = propose(config, "control", MODEL, Promote("ci", "2"), 30)
    assert promoted.last is not None
    assert promoted.last.outcome == "accepted"
    page.goto(scene.page())
    models = page.locator("#models")
    models.locator("text=version 2 on 1 worker, before it 1").wait_for()
    scene.feed.shift = 2.0
    entry = alert(page, "amount").filter(has_text=f"{MODEL} 2")
    entry.wait_for()
    entry.click()
    page.locator("#card").get_by_role("button", name="Roll back").click()
    page.get_by_label("Your name").fill("nina")
    page.locator("#confirm").get_by_role("button", name="Roll back to version 1").click()
    page.locator("#toast", has_text="accepted").wait_for()
    page.keyboard.press("Escape")
    models.locator("text=version 1 on 1 worker").wait_for()
    scene.feed.shift = 0.0


def test_it_can_be_used_by_keyboard_and_on_a_narrow_screen(page: Any, scene: Scene) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(scene.page())
    page.locator("#alerts button").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#alerts button").first.focus()
    page.keyboard.press("Enter")
    page.locator("#card[open]").wait_for()
    assert page.evaluate("document.getElementById('card').scrollWidth <= innerWidth")
    page.keyboard.press("Escape")
    page.locator("#card[open]").wait_for(state="detached")
    assert page.evaluate("document.activeElement.closest('#alerts') !== null")
    unnamed = """[...document.querySelectorAll('button, [role=img], input, select')]
        .filter((each) => !(each.textContent.trim() || each.ariaLabel || each.labels?.length))"""
    assert page.evaluate(f"{unnamed}.length") == 0


def test_a_worker_that_is_killed_is_shown_as_gone(page: Any, scene: Scene) -> None:
    scene.start("door", "http")
    page.goto(scene.page("door"))
    row = page.locator("#workers tr", has_text="door")
    row.locator("text=ready").first.wait_for()
    page.locator("#workers tr", has_text="worker-0").wait_for()
    page.goto(scene.page())
    scene.workers["door"].send_signal(signal.SIGKILL)
    page.locator("#workers tr", has_text="door").locator("text=gone").wait_for()
    assert "1 worker gone" in page.locator("#summary").inner_text()


def without_mark(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() != "x-weir-page"}
