"""The commit tier: real workers are harmed in every way that is quick, and nothing is lost, doubled or out of order."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.campaigns import CAMPAIGNS, Campaign
from tests.faults.execute import execute, table
from tests.faults.run import Run, Scene
from tests.faults.stage import Stage

SEED = "commit"


@pytest.mark.timeout(400)
@pytest.mark.parametrize("campaign", [c for c in CAMPAIGNS if "commit" in c.counts], ids=lambda campaign: campaign.name)
def test_faults_lose_double_disorder_and_forget_nothing(
    stage: Stage, tmp_path: Path, figures: Callable[[str], None], campaign: Campaign
) -> None:
    steps = campaign.plan(random.Random(SEED), campaign.counts["commit"])
    outcome = execute(campaign, stage, tmp_path, SEED, steps, campaign.scene)
    assert outcome.verdict == "sound", outcome.why
    assert outcome.alerts > 0
    figures("\n" + table([outcome]))


@pytest.mark.timeout(180)
def test_sigterm_under_load_answers_what_is_in_flight(stage: Stage, tmp_path: Path) -> None:
    took: list[float] = []
    # A session that outlasts a start on a busy machine: one that ran out would take partitions away from the worker
    # that is back first, and abort what this has in flight, which is not what is asked here.
    with Run(stage, tmp_path, Scene(session_s=60), 4) as run:
        for _ in range(2):
            run.pause(1.0)
            began = time.monotonic()
            assert run.fleet.stop() == [0, 0]
            took.append(time.monotonic() - began)
            for slot in run.scene.slots:
                run.fleet.start(slot)
            run.answered(time.time(), 60)
            run.wait(run.fleet.is_up, "the workers are up again", 60)
        found = run.finish()
    assert found.aborted == 0, run.fleet.said("did not commit", "revoked", "assigned")
    assert max(took) < 10.0
