"""Stories from the scenarios library, each told as an on-call person needs it: the checklist of an alert. Those of
labels are in test_label_scenario_alerts.

What moved, since when, how much, what else moved, the likely kind, what it did to the answers, what to do, what to
replay, and that it is over once it is.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
from rich.console import Console

from drift.alert import Alert
from drift.calibration import calibrated
from drift.profile import SignalSpec, build_profile
from drift.scenarios import Rows, inject, parse
from drift.scenarios.scenario import Episode
from drift.settings import DriftSettings
from streams.cli.cards import alert_card
from tests.unit.drift.streaming import START, evenly, make_watch, ms, one_partition, run

SPECS = (
    SignalSpec("amount", "number", "feature"),
    SignalSpec("balance", "number", "feature"),
    SignalSpec("age", "number", "feature"),
    SignalSpec("country", "category", "feature", ("nl", "de", "fr")),
    SignalSpec("fee", "number", "feature"),
    SignalSpec("class", "boolean", "output"),
)
BEFORE, DURING, AFTER, PER_SECOND = 10_000, 12_000, 12_000, 2000
WHEN = f"at={BEFORE},until={BEFORE + DURING}"


def rows(rng: np.random.Generator, n: int) -> np.ndarray:
    """Payments: an amount and a balance that go together, an age, a country, a fee that never changes, an answer."""
    matrix = np.empty((n, len(SPECS)))
    matrix[:, 0] = rng.normal(100, 20, n)
    matrix[:, 1] = 3 * matrix[:, 0] + rng.normal(0, 40, n)
    matrix[:, 2] = rng.gamma(4, 10, n)
    matrix[:, 3] = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    matrix[:, 4] = 2.5
    matrix[:, 5] = rng.random(n) < 0.1
    return matrix


@dataclass(frozen=True)
class Case:
    """`size` is of the effect in its unit, and by how much it may be off."""

    scenario: str
    signal: str
    statistic: str
    kind: str
    size: tuple[float, float]
    likely: str
    delay_rows: int = 1200


CASES = {
    "abrupt": Case("shift:feature=age,size=1", "age", "mean", "input", (1.0, 0.2), "whole distribution moved"),
    "incremental": Case(
        "shift:feature=age,size=1,incremental=3000", "age", "mean", "input", (0.35, 0.2), "distribution moved", 2400
    ),
    "gradual": Case("shift:feature=age,size=2,gradual=2000", "age", "mean", "input", (0.6, 0.5), "", 2000),
    "dead": Case("constant:feature=age,value=40", "age", "", "input", (0, 9), "stands still"),
    "unit": Case("factor:feature=age,by=1000", "age", "", "input", (0, 999), "changed unit"),
    "spread": Case("variance:feature=age,by=2", "age", "spread", "input", (0.4, 0.3), "spread wider"),
    "nulls": Case("nulls:feature=age,share=0.1", "age", "null_rate", "data_quality", (0.1, 0.04), "missing"),
    "unseen": Case(
        "unseen:feature=country,share=0.1", "country", "unseen_rate", "data_quality", (0.1, 0.04), "new kind"
    ),
    "share": Case("share:feature=country,to=fr,share=0.4", "country", "share:fr", "input", (0.3, 0.1), "towards fr"),
    "dependence": Case(
        "dependence:feature=amount,with=balance",
        "metric/joint",
        "dependence:amount~balance",
        "input",
        (-0.8, 0.2),
        "together",
    ),
    "constant moves": Case(
        "shift:feature=fee,size=1", "fee", "out_of_range_rate", "data_quality", (1.0, 0.1), "constant", 400
    ),
}


def told(case: Case) -> tuple[list[Alert], Episode]:
    """Every alert of a story, and the truth."""
    held, times = rows(np.random.default_rng(0), 20_000), evenly(20_000, PER_SECOND, START - 20_000_000)
    profile, chosen = calibrated(build_profile(SPECS, held, times), held, times), DriftSettings()
    matrix, during = (
        rows(np.random.default_rng(1), BEFORE + DURING + AFTER),
        evenly(BEFORE + DURING + AFTER, PER_SECOND),
    )
    injected = inject([parse(f"{case.scenario},{WHEN}")], Rows(SPECS, matrix, during), seed=3)
    _, alerts, _ = run(make_watch(profile, chosen), one_partition(profile, chosen, during, injected.rows.matrix))
    (episode,) = injected.episodes
    return alerts, episode


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_alert_answers_what_on_call_asks(case: Case) -> None:
    alerts, truth = told(case)
    firing = alerts[0]
    began, ended = truth.began_ms - START, (truth.ended_ms or 0) - START

    assert firing.state == "firing" and firing.dedupe_key == f"fraud/{case.signal}", "what moved"
    assert firing.evidence.statistic.startswith(case.statistic) and firing.kind == case.kind
    earliest, latest = map(ms, firing.onset.interval)
    assert earliest <= began <= latest or case.delay_rows > 1200, "since when: the true onset is in the interval"
    assert began < ms(firing.detected_at) <= began + case.delay_rows * 1000 / PER_SECOND + 100
    size, off = case.size
    assert firing.effect.size == pytest.approx(size, abs=off), "how much"
    assert firing.effect.interval[0] <= firing.effect.size <= firing.effect.interval[1]
    assert {alert.dedupe_key for alert in alerts} == {firing.dedupe_key}, "nothing else moved, and nothing else is told"
    assert firing.also_drifting == ()
    assert case.likely in firing.likely
    assert firing.impact and [shift.material for shift in firing.impact.answers] == [False], "what the answers did"
    assert firing.suggested_action and firing.runbook.endswith("drift.md"), "what to do"
    first, last = (firing.replay or pytest.fail("no replay")).partitions[0]
    assert first <= firing_row(firing) <= last, "what to replay"
    resolved = alerts[-1]
    assert (resolved.state, resolved.alert_id, resolved.resolved_reason) == ("resolved", firing.alert_id, "recovered")
    assert ended < ms(resolved.detected_at) <= ended + 2000
    assert [alert.state for alert in alerts].count("firing") == 1, "told once"

    card = Console(width=100, file=io.StringIO())
    card.print(alert_card(msgspec.json.decode(msgspec.json.encode(firing))))
    text = " ".join(card.file.getvalue().replace("│", " ").split())
    for part in (case.signal.removeprefix("metric/"), firing.onset.at, firing.likely, "as in training", firing.runbook):
        assert part in text


def firing_row(alert: Alert) -> int:
    """Row of the onset."""
    return ms(alert.onset.at) * PER_SECOND // 1000
