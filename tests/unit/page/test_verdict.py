"""The line at the top: what is wrong is never called well."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.page.verdict import Signs, is_idle, verdict
from tests.docs.pages import ROOT, anchors

WELL = Signs(
    states={"ready": 2},
    roles=frozenset({"predict", "drift"}),
    answered=100.0,
    passed_lately=100.0,
    availability=1.0,
    availability_now=1.0,
    lags=(0, 0, 3),
    rungs={"churn": 0.0},
)
WRONG: list[tuple[str, str, dict[str, Any]]] = [
    ("problem", "warn", {"problem": "no topic"}),
    ("nobody", "warn", {"states": {}, "roles": frozenset()}),
    ("nobody", "bad", {"states": {"gone": 2}, "roles": frozenset()}),
    ("nobody", "bad", {"states": {"stopped": 1}, "roles": frozenset()}),
    ("no-predict", "bad", {"roles": frozenset({"drift"})}),
    ("none-ready", "bad", {"states": {"not ready": 1}}),
    ("no-drift", "warn", {"roles": frozenset({"predict"})}),
    ("gone", "bad", {"states": {"ready": 1, "gone": 1}}),
    ("stuck", "bad", {"states": {"ready": 1, "stuck": 1}}),
    ("not ready", "warn", {"states": {"ready": 1, "not ready": 1}}),
    ("crowded", "warn", {"crowded": True}),
    ("unreadable", "warn", {"unreadable": True}),
    ("stands", "bad", {"passed_lately": 0.0, "lags": (0, *[5] * 10)}),
    ("lag", "warn", {"lags": (4_000, 5_000, 6_000)}),
    ("lag", "warn", {"lags": (6_000, 6_000)}),
    ("lag", "bad", {"lags": (40_000, 50_000)}),
    ("availability", "bad", {"availability_now": 0.5, "availability": 0.98}),
    ("availability", "warn", {"availability_now": 1.0, "availability": 0.998}),
    ("dead", "warn", {"dead": 2.0}),
    ("dead", "bad", {"dead": 100.0}),
    ("http", "warn", {"requests": 100.0, "refused": 0.5}),
    ("http", "bad", {"requests": 100.0, "refused": 50.0}),
    ("degraded", "warn", {"rungs": {"churn": 0.01}}),
    ("degraded", "bad", {"rungs": {"churn": 1.0}}),
    ("spared", "warn", {"spared": ["churn"]}),
    ("pages", "bad", {"firing": {"page": 1}}),
    ("alerts", "warn", {"firing": {"ticket": 1, "log": 1}}),
]


def test_all_is_well() -> None:
    assert verdict(WELL) == []
    assert not is_idle(WELL)
    assert is_idle(WELL._replace(answered=0.0)), "without events nothing is known of answers"


@pytest.mark.parametrize(("about", "level", "more"), WRONG)
def test_what_is_wrong_is_said_and_leads_to_a_runbook(about: str, level: str, more: dict[str, Any]) -> None:
    found = {finding.about: finding for finding in verdict(WELL._replace(**more))}
    assert found[about].level == level
    path, _, anchor = found[about].runbook.partition("#")
    text = (ROOT / path).read_text()
    assert not anchor or anchor in anchors(text)


def test_a_lag_that_falls_or_is_short_is_no_finding() -> None:
    for lags in ((9_000, 6_000), (10, 2_000), (0, 500)):
        assert verdict(WELL._replace(lags=lags)) == []


rates = st.integers(0, 10**6).map(float)
shares = st.none() | st.floats(0, 1)


@given(
    st.builds(
        Signs,
        problem=st.none() | st.text(min_size=1, max_size=20),
        states=st.dictionaries(st.sampled_from(["ready", "not ready", "gone", "stuck", "stopped"]), st.integers(1, 9)),
        roles=st.frozensets(st.sampled_from(["predict", "drift", "http", "labels"])),
        firing=st.dictionaries(st.sampled_from(["page", "ticket", "log"]), st.integers(1, 9)),
        answered=rates,
        dead=rates,
        passed_lately=st.just(0.0) | rates,
        availability_now=shares,
        availability=shares,
        requests=rates,
        refused=rates,
        lags=st.lists(st.integers(0, 10**9), max_size=30),
        rungs=st.dictionaries(st.sampled_from("ab"), st.floats(0, 1)),
    )
)
def test_green_is_never_shown_for_an_outage(signs: Signs) -> None:
    found = verdict(signs)
    levels = [finding.level for finding in found]
    assert levels == sorted(levels, key=("bad", "warn").index), "the worst first"
    assert len({finding.about for finding in found}) == len(found)
    outage = signs.passed_lately == 0 and len(signs.lags) > 1 and min(signs.lags) > 0
    lost = signs.availability_now is not None and signs.availability_now < 0.99
    if outage or lost or signs.states.get("gone") or not signs.states.get("ready"):
        assert found
    if outage or lost:
        assert "bad" in levels
    if signs.problem is not None:
        assert found
