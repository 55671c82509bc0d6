"""What viewers are told when not everything can be read: never that all is well."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streams.page.figures import Figures, encode_figures
from streams.page.view import View
from streams.page.watching import SILENT_MS, Sources, Watching
from tests.unit.page.telling import EVENTS, answering, at, figures
from tests.unit.page.test_alert_board import record

SOURCES = Sources("figures", "alerts", "control")
OWN = figures("own", roles=("predict", "drift"))


class Page:
    """A page's messages by name; time passes with `told` only."""

    def __init__(self) -> None:
        self.watching = Watching(lambda: View(EVENTS, (1.0,), (0.0, 1.0)), SOURCES, lambda _m, _v: None)

    def told(self, here_ms: int, own: Figures = OWN) -> dict[str, Any]:
        self.watching.pass_time(own, here_ms, here_ms)
        self.watching.news(here_ms)
        messages = {each.event: json.loads(each.data) for each in self.watching.all(here_ms)}
        return {**messages["state"], "alerts": messages["alerts"]}

    def hear(self, each: Figures, tick: int) -> None:
        self.watching.take("figures", b"", encode_figures(each), at(tick), at(tick))

    def begin(self, unreadable: dict[str, str], behind: tuple[str, ...] = ()) -> None:
        self.watching.begin([topic for topic in SOURCES if topic not in unreadable], at(0))
        self.watching.stand(unreadable, behind)


def level(state: dict[str, Any]) -> str:
    return state["verdict"][0]["level"] if state["verdict"] else "good"


def slots(state: dict[str, Any]) -> list[str]:
    return [each["slot"].removeprefix("slot of ") for each in state["workers"]]


def test_all_is_well_only_where_everything_is_read() -> None:
    page = Page()
    page.begin({})
    page.hear(OWN, 0)
    state = page.told(at(0))
    assert (level(state), state["problem"], slots(state)) == ("good", None, ["own"])
    assert {source["is"] for source in state["sources"].values()} == {"read"}


@pytest.mark.parametrize("topic", SOURCES)
def test_a_topic_that_cannot_be_read_is_told_with_its_reason(topic: str) -> None:
    page = Page()
    page.begin({topic: f"no right on {topic}"})
    page.hear(OWN, 0)
    state = page.told(at(0))
    assert level(state) == "warn"
    assert f"no right on {topic}" in state["problem"]
    assert state["sources"][topic] == {"is": "unreadable", "why": f"no right on {topic}"}
    assert slots(state) == ["own"], "its own figures stand in"


def test_a_topic_that_is_still_read_is_told() -> None:
    page = Page()
    page.begin({}, behind=("alerts",))
    page.hear(OWN, 0)
    state = page.told(at(0))
    assert (level(state), state["problem"]) == ("warn", "still reading: alerts")
    assert state["sources"]["alerts"] == {"is": "reading"}


def test_silence_from_the_very_beginning_is_silence() -> None:
    """No record of the last hour, and not even this process's own come back."""
    page = Page()
    page.begin({})
    assert page.told(at(0))["problem"] is None
    state = page.told(at(0) + SILENT_MS + 1)
    assert "this worker alone" in state["problem"]
    assert (level(state), slots(state)) == ("warn", ["own"])
    assert state["sources"]["alerts"] == {"is": "stale"}


def test_alerts_stay_while_kafka_is_away_and_are_not_called_new() -> None:
    page = Page()
    page.begin({})
    page.watching.take("alerts", b"", record("a", "firing"), at(0), at(0))
    page.hear(OWN, 0)
    assert page.told(at(0))["sources"]["alerts"] == {"is": "read"}
    page.watching.stand(dict.fromkeys(SOURCES, "no broker answered"), ())
    state = page.told(at(1))
    assert [each["record"]["alert_id"] for each in state["alerts"]] == ["a"]
    assert state["sources"]["alerts"]["is"] == "unreadable"
    assert state["problem"] == "no broker answered; shown is this worker alone"
    page.begin({"alerts": "no such topic"})
    assert [each["record"]["alert_id"] for each in page.told(at(2))["alerts"]] == ["a"]
    page.begin({})
    assert page.told(at(2))["alerts"] == []


def test_whoever_is_silent_with_kafka_is_not_called_gone_and_comes_back() -> None:
    page = Page()
    page.begin({})
    for tick in (0, 1):
        page.hear(OWN, tick)
        page.hear(answering(10 * tick, "other"), tick)
    assert slots(page.told(at(1))) == ["other", "own"]
    away = page.told(at(1) + SILENT_MS + 1)
    assert slots(away) == ["own"]
    page.hear(OWN, 7)
    page.hear(answering(40, "other"), 7)
    page.watching.pass_time(OWN, at(7), at(7))
    back = {each.event: json.loads(each.data) for each in page.watching.news(at(7))}
    assert back["points"]["all"] is True, "the charts begin anew where others' figures are shown"
    assert slots(back["state"]) == ["other", "own"]
    assert {each["state"] for each in back["state"]["workers"]} == {"ready"}


def test_an_outage_is_red_though_figures_come() -> None:
    page = Page()
    page.begin({})
    roles = ("predict", "drift")
    for tick in range(20):
        page.hear(answering(50, "own", roles=roles, lag={EVENTS: {"0": 100 + tick}}), tick)
    state = page.told(at(19))
    assert level(state) == "bad"
    assert [each["tile"] for each in state["verdict"]] == ["lag"]


def test_what_nobody_does_any_more_is_not_shown_as_going_on() -> None:
    page = Page()
    page.begin({})
    for tick in range(40):
        page.hear(OWN, tick)
        if tick < 20:
            page.hear(answering(100 * tick, "worker"), tick)
    state = page.told(at(39))
    assert state["totals"]["answered"] < 25
    for tick in range(40, 60):
        page.hear(OWN, tick)
    assert page.told(at(59))["totals"]["answered"] == 0
    assert level(state) == "bad"
