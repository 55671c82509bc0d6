"""Seeded events for the crash tests: good ones, bad ones, repeated ones and tombstones, with a shift on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from sklearn.linear_model import LogisticRegression

from models.schema import Feature, InputSchema
from streams.modelling import publish_estimator

MODEL = "crash"
PARTITIONS = 6
FEATURES = tuple(f"reading_{n}" for n in range(4))
SHIFTED = 2
NEAREST, FARTHEST = 37, 37 << 7
"""How many events back a repeated one is."""

BAD = [
    b"",
    b"not json",
    b'{"id":"x"}',
    b"[1]",
    b'{"features":{}}',
    b"\xff\xfe",
    b'{"id":"y","features":{"reading_0":true}}',
]


class Event(NamedTuple):
    partition: int
    key: bytes
    value: bytes | None


def publish_model(registry: Path) -> None:
    """A logistic regression on the distribution that `events` starts with."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(4000, len(FEATURES)))
    target = (rows @ [1.0, -0.5, 0.25, 0.0] + rng.normal(scale=0.5, size=len(rows)) > 0).astype(int)
    schema = InputSchema(tuple(Feature(name) for name in FEATURES))
    publish_estimator(registry, MODEL, LogisticRegression().fit(rows, target), schema, rows, target=target.tolist())


def events(seed: int, start_ms: int, rate: float, shift_after: int) -> Iterator[Event]:
    """Endless events, `rate` a second of event time; after `shift_after` of them one feature reads 1.5 higher.

    One in ten repeats an earlier one, of the same key. Some of these are so far back that a snapshot was made and a
    worker was started again in between.
    """
    rng = np.random.default_rng(seed)
    number = 0
    recent = dict[int, int]()
    while True:
        rows = rng.normal(size=(1000, len(FEATURES))).round(4)
        keys = rng.integers(0, 300, size=1000)
        kinds = rng.random(1000)
        for row, key, kind in zip(rows, keys.tolist(), kinds.tolist(), strict=True):
            if number >= shift_after:
                row[SHIFTED] += 1.5
            original = number - (NEAREST << number % 8) if kind > 0.9 else number
            recent[number] = key = recent.get(original, key)  # noqa: PLW2901
            recent.pop(number - FARTHEST, None)
            value: bytes | None = msgspec.json.encode(
                {
                    "id": f"{seed}-{original}",
                    "time": start_ms + int(number * 1000 / rate),
                    "features": dict(zip(FEATURES, row.tolist(), strict=True)),
                }
            )
            if kind < 0.02:
                value = BAD[number % len(BAD)]
            elif kind < 0.025:
                value = None
            yield Event(key % PARTITIONS, f"key-{key}".encode(), value)
            number += 1
