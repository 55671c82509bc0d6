"""Models that hang, raise and die, in the worker and in a process of their own."""

from __future__ import annotations

from collections.abc import Mapping
from signal import SIGKILL

from tests.faults.campaigns import Campaign, Tier
from tests.faults.model_faults import Misbehave
from tests.faults.run import Scene

LATER: tuple[Tier, ...] = ("nightly", "full")
ALWAYS: tuple[Tier, ...] = ("commit", *LATER)
ABOVE_2, ABOVE_3 = "above:2", "above:3"
"""Of the first feature: one row in 44, and one in 740."""


def _campaign(
    fault: str,
    isolation: str,
    step: Misbehave,
    *,
    tiers: tuple[Tier, ...] = LATER,
    dies_with: int | None = None,
    rate: int = 200,
    settings: Mapping[str, str] = {},
) -> Campaign:
    lasts = "until its worker ends" if step.restarts else f"for {step.seconds:g} s"
    return Campaign(
        name=f"model {fault} {lasts}, {isolation}",
        plan=lambda _rng, _count: [step],
        counts=dict.fromkeys(tiers, 1),
        bites=("bitten calls", *(["restarts"] if step.restarts else [])),
        scene=Scene(
            slots=("a",),
            rate=rate,
            session_s=10.0,
            feed_s=3.0,
            model_fault=fault,
            mortal=frozenset() if dies_with is None else frozenset({dies_with}),
            settings={"WEIR_MODEL__ISOLATION": isolation, "WEIR_MODEL__DEADLINE_MS": "300", **settings},
        ),
    )


WATCHED = {"WEIR_WORKER__PROGRESS_DEADLINE_MS": "5000"}

MODEL_CAMPAIGNS = (
    _campaign("raising", "thread", Misbehave(2.0), tiers=ALWAYS),
    _campaign("raising", "process", Misbehave(5.0)),
    _campaign(f"raising-{ABOVE_2}", "thread", Misbehave(5.0)),
    _campaign(f"raising-{ABOVE_2}", "process", Misbehave(5.0)),
    _campaign("hang", "thread", Misbehave(30.0)),
    _campaign("hang", "thread", Misbehave(1.0, restarts=1), dies_with=1, settings=WATCHED),
    _campaign("hang", "process", Misbehave(1.0), tiers=ALWAYS),
    _campaign("hang", "process", Misbehave(30.0)),
    _campaign("hang", "process", Misbehave(75.0)),  # past the 16 calls after which it is hopeless
    _campaign(f"hang-{ABOVE_3}", "thread", Misbehave(1.0, restarts=1), dies_with=1, settings=WATCHED),
    _campaign(f"hang-{ABOVE_3}", "process", Misbehave(20.0), rate=50),
    _campaign("dying", "thread", Misbehave(1.0, restarts=2), dies_with=-SIGKILL),
    _campaign("dying", "process", Misbehave(30.0)),
    _campaign(f"dying-{ABOVE_3}", "process", Misbehave(20.0), rate=50),
)
