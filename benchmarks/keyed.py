"""What keyed features cost: processor time an event and a snapshot, and memory a key, for some sets of features.

    .venv/bin/python -m benchmarks.keyed [--keys 20000] [--batches 30]

In one process, without a broker and a model: keys, columns, the change and its application, as for each batch of one
partition. Keys are drawn evenly, so nearly every bucket of a snapshot changes: the worst there is.
"""

from __future__ import annotations

import argparse
import gc
import time
import tracemalloc

import numpy as np

from models.keyed.definitions import KeyedFeature, KeyedFeatures
from models.keyed.steps import KeyedSteps
from models.schema import Feature, InputSchema
from streams.keyed.advance import KeyedEvents, advance
from streams.keyed.state import KeyedState

SCHEMA = InputSchema((Feature("amount"), Feature("score")))
RECORDS = 8192
START_MS, STEP_MS = 1_767_225_600_000, 50

COUNT = KeyedFeature("count", "count")
WINDOWED = KeyedFeature("windowed", "mean", of="amount", window_s=3600)
SINCE = KeyedFeature("since", "time_since_last")
FADING = KeyedFeature("fading", "ewma", of="score", half_life_s=600)
SETS = {
    "a count": (COUNT,),
    "a mean over a window": (WINDOWED,),
    "count, windowed mean, since last, fading mean": (COUNT, WINDOWED, SINCE, FADING),
    "ten means over windows": tuple(
        KeyedFeature(f"windowed_{hours}", "mean", of="amount", window_s=3600 * hours) for hours in range(1, 11)
    ),
}


def batch(steps: KeyedSteps, number: int, keys: int) -> KeyedEvents:
    rng, first = np.random.default_rng(number), number * RECORDS
    matrix = rng.normal(size=(RECORDS, len(SCHEMA.features)))
    own = [b"customer-%d" % key for key in rng.integers(0, keys, size=RECORDS)]
    times = START_MS + STEP_MS * np.arange(first, first + RECORDS)
    return KeyedEvents(range(first, first + RECORDS), steps.keys(own, matrix), steps.inputs(matrix), times.tolist())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--keys", type=int, default=20_000)
    parser.add_argument("--batches", type=int, default=30)
    options = parser.parse_args()
    print(f"{options.keys:,} keys, {options.batches * RECORDS:,} events of one partition")
    for name, features in SETS.items():
        steps = KeyedSteps(KeyedFeatures(features), SCHEMA)
        state, spent = KeyedState(steps, options.keys), 0.0
        for number in range(options.batches):
            began = time.process_time()
            values, change = advance(state, batch(steps, number, options.keys))
            np.array(values)
            state.apply(change)
            spent += time.process_time() - began
        began = time.process_time()
        entries = state.dump()
        dumped = time.process_time() - began
        each = spent / (options.batches * RECORDS) * 1e6
        print(
            f"{name:<46} {each:6.1f} us an event, {_memory(steps, entries, options.keys):7,.0f} bytes a key, "
            f"{dumped * 1000:5.0f} ms a snapshot of {sum(map(len, entries.values())) / 1e6:.1f} MB"
        )


def _memory(steps: KeyedSteps, entries: dict[str, bytes | memoryview], keys: int) -> float:
    """Of a state that was read back and has its entries."""
    gc.collect()
    tracemalloc.start()
    state = KeyedState.load(steps, keys, entries)
    state.dump()
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return taken / max(1, len(state))


if __name__ == "__main__":
    main()
