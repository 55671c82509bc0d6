"""The story that the picture tells: a truth that changes, a learner that overtakes, a version that takes over."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from benchmarks.learning.__main__ import told
from benchmarks.learning.drawing import picture, rolling
from benchmarks.learning.running import BATCH, Story, run
from benchmarks.learning.world import World

WORLD = World(events=5_000, changes=(2_000,))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return run(WORLD, tmp_path_factory.mktemp("learning"))


def mean(shares: list[float], begin: int, end: int) -> float:
    return float(np.nanmean(shares[begin // BATCH : end // BATCH]))


def test_accuracy_decays_and_recovers_by_the_learner(story: Story) -> None:
    calm = mean(story.served, 0, 2_000)
    assert calm > 0.85
    assert next(at for at, _, _ in story.promoted) > 2_000
    assert mean(story.first, 2_000, 5_000) < calm - 0.25
    assert mean(story.served, 4_000, 5_000) > calm - 0.05
    assert story.promoted[0][1] == "3"


def test_nothing_is_promoted_before_its_labels_can_have_come(story: Story) -> None:
    assert story.promoted[0][0] >= 2_000 + WORLD.delay_s * WORLD.rate
    assert all(np.isnan(share) for share in story.learner[: WORLD.delay_s * WORLD.rate // BATCH])
    assert all(page > 2_000 for page in story.pages)


def test_the_picture_is_well_formed_and_shows_each_promotion(story: Story) -> None:
    root = ET.fromstring(picture(WORLD, story))
    texts = " ".join(root.itertext())
    for at, version, _ in story.promoted:
        assert f"after event {at:,}: version {version} is promoted" in texts
    assert "version 3 is promoted" in told(WORLD, story)


def test_a_value_is_of_the_batches_before_it() -> None:
    assert rolling([1.0, 0.0, 0.0, 0.0, 0.0, 1.0])[4:] == pytest.approx([0.2, 0.2])
