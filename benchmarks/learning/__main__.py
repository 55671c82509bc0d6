"""A model decays as the truth changes, a learner overtakes on labels, is promoted, and accuracy recovers.

    .venv/bin/python -m benchmarks.learning --svg learning.svg
    .venv/bin/python -m benchmarks.learning --rates

No broker: the parts as workers have them, in event time, so the same seed gives the same picture.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.learning.drawing import picture
from benchmarks.learning.rates import rates
from benchmarks.learning.running import BATCH, Story, run
from benchmarks.learning.world import World
from benchmarks.tables import Table


def main() -> None:
    options = _options()
    if options.rates:
        print(rates())
        return
    world = World(seed=options.seed, delay_s=options.delay)
    with tempfile.TemporaryDirectory() as folder:
        story = run(world, Path(folder))
    print(told(world, story))
    if options.svg:
        options.svg.write_text(picture(world, story) + "\n", "utf-8")


def told(world: World, story: Story) -> str:
    """Accuracy by stretch, and what happened when."""
    marks = sorted({0, *world.changes, *(at for at, _, _ in story.promoted), world.events})
    rows = []
    for begin, end in itertools.pairwise(marks):
        own = slice(begin // BATCH, end // BATCH)
        shares = (f"{np.nanmean(each[own]):.3f}" for each in (story.served, story.first, story.learner))
        rows.append([f"{begin:,} to {end:,}", *shares])
    lines = [f"the truth changes at event {at:,}" for at in world.changes]
    lines += [f"drift calls somebody after event {at:,}" for at in story.pages]
    lines += [f"version {version} is promoted after event {at:,}: {found}" for at, version, found in story.promoted]
    return str(Table(["events", "answered", "version 1", "learner"], rows, ["", *lines]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    parser.add_argument("--rates", action="store_true", help="measure what learning costs instead")
    parser.add_argument("--svg", type=Path, help="write the picture to this file")
    parser.add_argument("--seed", type=int, default=World.seed, help="of events and labels (%(default)s)")
    parser.add_argument("--delay", type=int, default=World.delay_s, help="seconds from event to label (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
