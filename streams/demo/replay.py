"""Recorded readings as a stream of new events: in random order, again and again, each with an id of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.demo.injection import Injection
from streams.demo.sensors import SensorData


class Replay:
    """Encodes events. The label is not among them; the key is the row's number in the data set.

    Every row comes once before any comes again. `run` makes the ids new: it should be random.
    """

    def __init__(self, data: SensorData, injection: Injection, seed: int, run: str) -> None:
        self._keys = [b"row-%d" % row for row in data.rows.tolist()]
        # Encoded once: the broker and the worker need the processor more than the producer does.
        self._as_recorded = _encode(data.features, data.readings)
        self._as_drifted = _encode(data.features, injection.apply(data.readings))
        self._order = _endless_order(len(data), seed)
        self._run = run.encode()
        self._sent = 0

    def take(self, count: int, time_ms: int, *, drifted: bool) -> list[tuple[bytes, bytes]]:
        """Key and value of the next events, all of them at `time_ms`."""
        bodies, run, first = self._as_drifted if drifted else self._as_recorded, self._run, self._sent
        self._sent += count
        return [
            (self._keys[row], b'{"id":"%s-%x","time":%d,"features":%s}' % (run, number, time_ms, bodies[row]))
            for number, row in zip(range(first, self._sent), self._order, strict=False)
        ]


def _encode(features: tuple[str, ...], readings: NDArray[np.int64]) -> list[bytes]:
    return [msgspec.json.encode(dict(zip(features, row, strict=True))) for row in readings.tolist()]


def _endless_order(rows: int, seed: int) -> Iterator[int]:
    generator = np.random.default_rng(seed)
    while True:
        yield from generator.permutation(rows).tolist()
