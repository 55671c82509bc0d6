"""`python -m tests.faults`: the campaigns of a tier, or one of them, with a table at the end."""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import get_args

from tests.conftest import CACHE
from tests.faults.campaigns import CAMPAIGNS, Tier
from tests.faults.execute import Outcome, execute, model_table, read_schedule, table
from tests.faults.model_campaigns import MODEL_CAMPAIGNS
from tests.faults.stage import Stage


def main() -> int:
    arguments = _parser().parse_args()
    seed = arguments.seed or f"{random.getrandbits(32):08x}"  # a name, not a secret
    folder = Path(arguments.folder) / f"{time.strftime('%Y%m%dT%H%M%S')}-{seed}"
    tier: Tier = arguments.tier
    print(f"tier {tier}, SEED={seed}, schedules and journals in {folder}", flush=True)
    chosen = [
        c for c in (*CAMPAIGNS, *MODEL_CAMPAIGNS) if arguments.only in c.name and (arguments.count or tier in c.counts)
    ]
    outcomes: list[Outcome] = []
    began = time.monotonic()
    for brokers in (1, 3):
        campaigns = [campaign for campaign in chosen if campaign.brokers == brokers]
        if not campaigns:
            continue
        with Stage(brokers, CACHE) as stage:
            for campaign in campaigns:
                scene = dataclasses.replace(
                    campaign.scene,
                    settings={**campaign.scene.settings, "WEIR_KAFKA__DELIVERY": arguments.delivery},
                )
                left = arguments.count or campaign.counts[tier]
                for number in range(-(-left // campaign.per_run)):
                    mine = f"{seed}/{campaign.name}/{number}"
                    count = min(campaign.per_run, left - number * campaign.per_run)
                    steps = (
                        read_schedule(arguments.schedule)
                        if arguments.schedule
                        else campaign.plan(random.Random(mine), count)
                    )
                    place = folder / f"{campaign.name.replace(' ', '-')}-{number}"
                    outcomes.append(execute(campaign, stage, place, mine, steps, scene))
                    spent = time.monotonic() - began
                    last = outcomes[-1]
                    print(f"{spent:7.0f} s  {last.verdict:9} {mine}  {last.why[:300]}", flush=True)
    print(table(outcomes))
    if any(outcome.model for outcome in outcomes):
        print(model_table(outcomes))
    if arguments.json:
        report = {"seed": seed, "tier": tier, "delivery": arguments.delivery, "runs": [asdict(o) for o in outcomes]}
        arguments.json.write_text(json.dumps(report, indent=1))
    return 0 if outcomes and all(outcome.verdict == "sound" for outcome in outcomes) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make faults ARGS='…'", description=__doc__)
    parser.add_argument("--tier", choices=get_args(Tier), default="commit", help="how many faults of each kind")
    parser.add_argument("--seed", help="of the schedules; the same seed draws the same faults")
    parser.add_argument("--only", default="", metavar="WORDS", help="campaigns with these words in their name")
    parser.add_argument("--count", type=int, metavar="N", help="so many faults instead of the tier's")
    parser.add_argument("--schedule", type=Path, metavar="FILE", help="a schedule.jsonl to carry out again")
    parser.add_argument("--delivery", choices=("exactly_once", "at_least_once"), default="exactly_once")
    parser.add_argument("--folder", default=".weir/faults", help="where each run leaves its schedule, journal and logs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the outcomes, for machines")
    return parser


if __name__ == "__main__":
    sys.exit(main())
