from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.scenarios import (
    Dependence,
    LabelDelay,
    Pattern,
    Scenario,
    ScenarioError,
    Season,
    Share,
    Shift,
    parse,
)


@pytest.mark.parametrize(
    ("text", "scenario"),
    [
        ("shift:feature=temp,at=5000,size=1.5", Scenario(Shift("temp", 1.5), Pattern(5000))),
        (
            " shift: size=-1, feature=temp, at=50, until=60, every=20, times=3 ",
            Scenario(Shift("temp", -1.0), Pattern(50, 60, every=20, times=3)),
        ),
        (
            "season:feature=load,size=0.5,period=2h,at=0,incremental=100",
            Scenario(Season("load", 0.5, 7_200_000), Pattern(0, incremental=100)),
        ),
        ("share:feature=colour,to=007,share=0.3,at=1", Scenario(Share("colour", "007", 0.3), Pattern(1))),
        (
            "dependence:feature=a,with=b,correlation=0.8,at=1,gradual=9",
            Scenario(Dependence("a", "b", 0.8), Pattern(1, gradual=9)),
        ),
        ("label_delay:by=90s,at=1", Scenario(LabelDelay(90_000), Pattern(1))),
    ],
)
def test_a_scenario_is_read_from_text(text: str, scenario: Scenario) -> None:
    assert parse(text) == scenario


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there are shift, factor"),
        ("shfit:feature=a", "did you mean 'shift'"),
        ("shift", "feature and size and at must be given, as feature=…,size=…,at=…"),
        ("shift:feature=a,size=1", "at must be given"),
        ("shift:feature=a,size=1,at=5,grdual=3", "did you mean 'gradual'"),
        ("shift:feature=a,size=1,at=5,partner=b", "shift has no 'partner'"),
        ("shift:feature=a,size=big,at=5", "size=big is not a number"),
        ("shift:feature=a,size=inf,at=5", "size=inf is not a finite number"),
        ("shift:feature=a,size=1,at=5.5", "at=5.5 is not a whole number"),
        ("shift:feature=a,size=1,at=5,until=x", "until=x is not a whole number"),
        ("shift:feature=a,size=1,at=5,at=6", "at is given twice"),
        ("shift:feature=a,size,at=5", "'size' is not key=value"),
        ("shift:feature=a,size=1,at=-5", "at=-5, it must be at least 0"),
        ("shift:feature=a,size=1,at=5,until=5", "too few"),
        ("shift:feature=a,size=1,at=5,every=5", "needs an until"),
        ("shift:feature=a,size=1,at=5,times=5", "needs every"),
        ("shift:feature=a,size=1,at=5,gradual=5,incremental=5", "exclude each other"),
        ("tails:feature=a,at=5,incremental=5", "use gradual"),
        ("tails:feature=a,at=5,df=2", "df=2, above 2"),
        ("season:feature=a,size=1,period=7,at=5", "as 90s"),
        ("nulls:feature=a,share=20,at=5", "at most 1"),
        ("dependence:feature=a,with=a,at=5", "cannot depend on itself"),
    ],
)
def test_what_is_no_scenario_is_refused_with_a_way_out(text: str, words: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        parse(text)
    assert words in str(refused.value)
    assert repr(text) in str(refused.value)


words = st.text(max_size=12) | st.sampled_from(["shift", "at", "5", "size", "feature", "season", "period", "1d", "inf"])


@given(st.lists(words | st.sampled_from([":", ",", "="]), max_size=16).map("".join))
def test_any_text_is_a_scenario_or_refused(text: str) -> None:
    with contextlib.suppress(ScenarioError):
        assert isinstance(parse(text), Scenario)
