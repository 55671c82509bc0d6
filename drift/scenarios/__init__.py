"""Seeded scenarios: streams that change in a known way, to try a watch, a threshold or a detector on. Pure.

A scenario is a change (what happens to which signal) on a pattern (when, and how it sets in). As text, for a command
line: ``shift:feature=temp,at=5000,size=1.5``; see `drift.scenarios.text`.
"""

from drift.scenarios.joint import Dependence
from drift.scenarios.labels import LabelDelay
from drift.scenarios.numbers import Constant, Factor, Season, Shift
from drift.scenarios.pattern import Pattern
from drift.scenarios.rates import Nulls, Share, Unseen
from drift.scenarios.rows import Rows, ScenarioError
from drift.scenarios.scenario import Change, Episode, Injected, Scenario, inject
from drift.scenarios.shapes import Bimodal, Tails, Variance
from drift.scenarios.text import parse

__all__ = [
    "Bimodal",
    "Change",
    "Constant",
    "Dependence",
    "Episode",
    "Factor",
    "Injected",
    "LabelDelay",
    "Nulls",
    "Pattern",
    "Rows",
    "Scenario",
    "ScenarioError",
    "Season",
    "Share",
    "Shift",
    "Tails",
    "Unseen",
    "Variance",
    "inject",
    "parse",
]
