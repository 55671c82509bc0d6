"""Models that misbehave, on a real Kafka: no event is lost or answered twice, and the worker keeps its partitions."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.campaigns import Campaign
from tests.faults.execute import execute, model_table
from tests.faults.model_campaigns import MODEL_CAMPAIGNS
from tests.faults.stage import Stage


@pytest.mark.timeout(180)
@pytest.mark.parametrize("campaign", [c for c in MODEL_CAMPAIGNS if "commit" in c.counts], ids=lambda c: c.name)
def test_what_a_model_rejects_is_a_dead_letter_and_all_else_is_answered(
    stage: Stage, tmp_path: Path, figures: Callable[[str], None], campaign: Campaign
) -> None:
    outcome = execute(campaign, stage, tmp_path, "commit", campaign.plan(random.Random(0), 1), campaign.scene)
    assert outcome.verdict == "sound", outcome.why
    figures("\n" + model_table([outcome]))
