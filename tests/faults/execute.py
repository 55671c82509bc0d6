"""Carry a campaign out: plan, harm, settle, verify, and say what was found."""

from __future__ import annotations

import json
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Literal

import msgspec

from tests.faults.answers import Violation
from tests.faults.campaigns import AnyStep, Campaign
from tests.faults.model_verifier import BLAMED
from tests.faults.run import Run, Scene, spread
from tests.faults.stage import Stage


class Void(Exception):
    """A run in which a fault did nothing proves nothing."""


@dataclass
class Outcome:
    """One run. `verdict`: sound, or void because the faults did not bite, or violated (a promise), or failed."""

    campaign: str
    seed: str
    faults: int
    verdict: Literal["sound", "void", "violated", "failed"] = "failed"
    why: str = ""
    bits: dict[str, int] = field(default_factory=dict)
    recoveries: list[float] = field(default_factory=list)
    events: int = 0
    alerts: int = 0
    repeated: int = 0
    found: dict[str, Any] = field(default_factory=dict)
    model: dict[str, str] = field(default_factory=dict)
    """How the model misbehaved, and where it ran."""


def execute(campaign: Campaign, stage: Stage, folder: Path, seed: str, steps: list[AnyStep], scene: Scene) -> Outcome:
    """One run of a campaign; never raises for what went wrong in it."""
    outcome = Outcome(campaign.name, seed, len(steps))
    if scene.model_fault:
        outcome.model = {"fault": scene.model_fault, "isolation": scene.settings["WEIR_MODEL__ISOLATION"]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "schedule.jsonl").write_bytes(b"\n".join(msgspec.json.encode(step) for step in steps) + b"\n")
    run = Run(stage, folder, scene, Random(seed).getrandbits(32))
    try:
        with run:
            for step in steps:
                run.note("fault", step=json.loads(msgspec.json.encode(step)))
                step.carry(run)
            found = run.finish()
            outcome.events, outcome.alerts, outcome.repeated = found.inputs, found.alerts, found.repeated
            outcome.found = asdict(found)
            missing = [bite for bite in campaign.bites if not run.bits[bite]]
            if missing:
                raise Void(f"without a trace of: {', '.join(missing)}")
        outcome.verdict = "sound"
    except Void as void:
        outcome.verdict, outcome.why = "void", str(void)
    except Violation as violation:
        outcome.verdict, outcome.why = "violated", str(violation)
    except AssertionError as error:
        outcome.verdict, outcome.why = "violated", "\n".join([str(error), *getattr(error, "__notes__", [])])
    except Exception:  # noqa: BLE001  # the other campaigns go on
        outcome.why = traceback.format_exc()
    outcome.bits, outcome.recoveries = dict(run.bits), run.recoveries
    (folder / "outcome.json").write_text(json.dumps(asdict(outcome), indent=1))
    return outcome


def read_schedule(path: Path) -> list[AnyStep]:
    """The steps of an earlier run, to carry them out again."""
    decoder = msgspec.json.Decoder(AnyStep)
    return [decoder.decode(line) for line in path.read_bytes().splitlines()]


def table(outcomes: list[Outcome]) -> str:
    """A line a campaign, for people."""
    titles = (
        f"{'campaign':36} {'faults':>6} {'events':>8} {'verdict':9} {'recovery s: median':>18} {'p95':>6} {'max':>6}"
    )
    lines = [f"{titles}  proof"]
    for name in dict.fromkeys(outcome.campaign for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.campaign == name]
        bits: dict[str, int] = {}
        for outcome in own:
            for bit, times in outcome.bits.items():
                bits[bit] = bits.get(bit, 0) + times
        verdicts = sorted({outcome.verdict for outcome in own} - {"sound"}) or ["sound"]
        figures = spread([took for outcome in own for took in outcome.recoveries])
        took = (
            "".join(f"{second:>{width}.1f}" for second, width in zip(figures, (18, 7, 7), strict=True))
            if figures
            else " " * 32
        )
        proof = ", ".join(f"{times} {bit}" for bit, times in sorted(bits.items()))
        lines.append(
            f"{name:36} {sum(o.faults for o in own):>6} {sum(o.events for o in own):>8} "
            f"{'/'.join(verdicts):9} {took}  {proof}"
        )
        lines += [f"    {o.verdict}, seed {o.seed}: {o.why[:1500]}" for o in own if o.verdict != "sound"]
    return "\n".join(lines)


def model_table(outcomes: list[Outcome]) -> str:
    """A line a run with a model that misbehaved: what became of every input, and what the group saw."""
    title = f"{'model':15} {'isolation':9} {'inputs':>6} = {'predictions':>11} + {'dead letters':44} + tombstones"
    lines = [f"{title}  silence s  back after s  bitten  restarts  assigned  revoked"]
    for outcome in (outcome for outcome in outcomes if outcome.model):
        found, bits = outcome.found, outcome.bits
        if not found:
            lines.append(f"{outcome.campaign}: {outcome.verdict}, {outcome.why[:300]}")
            continue
        blamed = {reason: times for reason, times in found["reasons"].items() if reason in BLAMED}
        others = found["dead_letters"] - sum(blamed.values())
        reasons = ", ".join(
            [*(f"{times} {reason}" for reason, times in sorted(blamed.items())), f"{others} bad events"]
        )
        lines.append(
            f"{outcome.model['fault']:15} {outcome.model['isolation']:9} {found['inputs']:>6} = "
            f"{found['predictions']:>11} + {reasons:44} + {found['tombstones']:>10}  {found['longest_silence']:>9.1f}  "
            f"{max(outcome.recoveries):>12.1f}  {bits['bitten calls']:>6}  {bits.get('restarts', 0):>8}  "
            f"{bits['assigned']:>8}  {bits.get('revoked', 0):>7}"
        )
    return "\n".join(lines)
