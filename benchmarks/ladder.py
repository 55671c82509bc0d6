"""What a declared fallback costs while the model answers everything: whole decisions, without and with each kind.

    .venv/bin/python -m benchmarks.ladder [--turns 9]

In one process and without a broker, as benchmarks.drift.overhead. The model is a cheap one and few events repeat, so a
cache has to find out that it does not pay.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks import workload
from benchmarks.drift.overhead import BATCHES, RECORDS, batches, seconds
from drift.profile import decode_profile
from drift.settings import DriftSettings
from drift.summary import Summariser
from models.fallback import NO_FALLBACK, Fallback
from models.registry import Registry
from streams.decide.predict import PredictDecider
from streams.decide.serving import PredictTopics, make_serving
from streams.ladder.breaker import Breaker
from streams.ladder.building import make_ladder
from streams.limits import Limits
from streams.pipeline import Pipeline

SIDES = {
    "none": NO_FALLBACK,
    "rule and default": Fallback(rule="1", default=0),
    "with cache": Fallback(cache=True, default=0),
}


def decider(registry: Path, fallback: Fallback) -> PredictDecider:
    """The predict role's decider over the workload's model with a fallback."""
    model = Registry(registry).load("linear")
    manifest = msgspec.structs.replace(model.manifest, fallback=fallback)
    ladder = make_ladder(model, manifest, previous=None, clock=time.perf_counter, breaker=Breaker())
    profile = decode_profile(model.reference)
    serving = make_serving(
        Pipeline(model, Limits(), answer=ladder if fallback else None),
        PredictTopics(
            events="events", predictions="predictions", dead_letters="dead-letters", observations="observations"
        ),
        summariser=Summariser(profile, DriftSettings().slice_ms),
        profile_id=profile.id,
        max_message_bytes=1 << 20,
    )
    return PredictDecider(lambda: serving, dead_letters_topic="dead-letters", dedupe_window=50_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--turns", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        registry = Path(folder)
        workload.publish_model(registry)
        work = batches()
        sides = {name: decider(registry, fallback) for name, fallback in SIDES.items()}
        for subject in sides.values():
            seconds(subject, work)  # warm
        turns = []
        for turn in range(options.turns):
            order = list(sides) if turn % 2 else list(reversed(sides))
            turns.append({name: seconds(sides[name], work) for name in order})
    print(f"{workload.NAME}, {BATCHES * RECORDS:,} events a turn, {options.turns} turns")
    for name in sides:
        each = statistics.median(turn[name] for turn in turns) / (BATCHES * RECORDS) * 1e6
        share = statistics.median(turn[name] / turn["none"] - 1 for turn in turns)
        print(f"{name:<18} {each:6.2f} us an event  {share:+.1%}")


if __name__ == "__main__":
    main()
