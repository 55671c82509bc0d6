"""Three stories of labels, each told as an on-call person needs it: the checklist of test_scenario_alerts.

The inputs and the answers stay as they were: what they mean has changed, or how labels come.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import msgspec
import pytest
from rich.console import Console

from streams.cli.cards import alert_card
from tests.unit.drift.labelled_stream import PER_SECOND, Stretch, decided, story
from tests.unit.drift.streaming import ms

BEFORE, DURING, AFTER = 120, 60, 60
LATE_MS = 10_000
"""Most that may go by until an alert: 500 labels."""


@dataclass(frozen=True)
class Case:
    """`size` is of the effect in its unit, and by how much it may be off. `follows`: what cannot but move as well."""

    during: Stretch
    metric: str
    kind: str
    severity: str
    statistic: str
    size: tuple[float, float]
    likely: str
    do: str
    follows: frozenset[str] = frozenset()


CASES = {
    "concept": Case(
        Stretch(DURING, wrong=0.4),
        "metric/error",
        "concept",
        "page",
        "share:true",
        (0.3, 0.1),
        "the model is wrong more often",
        "retrain on events since the onset",
        frozenset({"metric/error_by_label"}),
    ),
    "label mix": Case(
        Stretch(DURING, label=0.6), "metric/label", "label", "ticket", "share:true", (0.3, 0.1), "towards true", "mix"
    ),
    "label delay": Case(
        Stretch(DURING, lag_ms=7_200_000),
        "metric/label_lag",
        "label",
        "ticket",
        "share:1 min",
        (-1.0, 0.05),
        "labels come within 6 h, before within 1 min",
        "late or missing labels",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_alert_answers_what_on_call_asks(case: Case) -> None:
    alerts = decided(story([Stretch(BEFORE), case.during, Stretch(AFTER)]))
    firing, began, ended = alerts[0], BEFORE * 1000, (BEFORE + DURING) * 1000

    assert (firing.state, firing.dedupe_key) == ("firing", f"fraud/{case.metric}"), "what moved"
    assert (firing.kind, firing.severity) == (case.kind, case.severity)
    assert firing.evidence.statistic == case.statistic
    earliest, latest = map(ms, firing.onset.interval)
    assert earliest <= began <= latest, "since when"
    assert began < ms(firing.detected_at) <= began + LATE_MS
    size, off = case.size
    assert firing.effect.size == pytest.approx(size, abs=off), "how much"
    assert firing.effect.interval[0] <= firing.effect.size <= firing.effect.interval[1]
    assert {alert.dedupe_key for alert in alerts} <= {firing.dedupe_key, *(f"fraud/{key}" for key in case.follows)}
    assert set(firing.also_drifting) <= case.follows, "what else: neither inputs nor answers"
    assert case.likely in firing.likely
    assert not firing.impact or [shift.material for shift in firing.impact.answers] == [False], "what the answers did"
    assert case.do in firing.suggested_action and firing.runbook.endswith("drift.md"), "what to do"
    replay = firing.replay or pytest.fail("no replay")
    assert replay.topic == "events", "what to replay: not what labels were joined in"
    assert replay.partitions[0][0] <= began * PER_SECOND // 1000 <= replay.partitions[0][1]
    own = [alert for alert in alerts if alert.dedupe_key == firing.dedupe_key]
    assert [alert.state for alert in own].count("firing") == 1, "told once"
    assert (own[-1].state, own[-1].alert_id) == ("resolved", firing.alert_id)
    assert own[-1].resolved_reason == "recovered" and ended < ms(own[-1].detected_at) <= ended + 2 * LATE_MS

    card = Console(width=100, file=io.StringIO())
    card.print(alert_card(msgspec.json.decode(msgspec.json.encode(firing))))
    text = " ".join(card.file.getvalue().replace("│", " ").split())
    for part in (case.metric.removeprefix("metric/"), firing.onset.at, firing.likely, case.do, firing.runbook):
        assert part in text


def test_an_alert_of_errors_says_that_answers_are_as_ever_and_one_of_inputs_that_errors_are_not() -> None:
    concept = decided(story([Stretch(BEFORE), Stretch(20, wrong=0.4)]))[0]
    assert concept.impact is not None
    assert [(shift.metric, shift.material) for shift in concept.impact.answers] == [("class", False)]
    moved = decided(story([Stretch(BEFORE), Stretch(40, shift=0.4, wrong=0.6)]))
    amount = next(alert for alert in moved if alert.signal.feature == "amount")
    assert "metric/error" in amount.also_drifting
