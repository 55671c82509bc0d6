"""Rows of a file as a stream of events at an even rate, with changes in them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drift.scenarios import Episode, Rows, Scenario, inject
from streams.trial.events import EventEncoder

MOST_VALUES = 20_000_000
"""Rows times columns that are held at once: 160 MB."""


class TooManyValues(Exception):
    """The stream would not fit into memory."""

    exit_code = 2

    def __init__(self, events: int, columns: int) -> None:
        super().__init__(
            f"{events:,} events of {columns} columns are more than {MOST_VALUES:,} values, which are held in memory;"
            " fix: a shorter --duration, a lower --rate, or fewer --columns"
        )


class DriftedEvents:
    """`count` events from `start_ms` on, `rate` a second; the rows come again and again, in their order. Event `i` has
    the id ``<run>-<i>``, in hexadecimal, and the key ``row-<number>`` of its row.

    Raises ScenarioError, TooManyValues.
    """

    def __init__(
        self, rows: Rows, scenarios: Sequence[Scenario], *, count: int, rate: float, start_ms: int, seed: int, run: str
    ) -> None:
        if count * len(rows.specs) > MOST_VALUES:
            raise TooManyValues(count, len(rows.specs))
        self._numbers = np.arange(count) % len(rows)
        times = start_ms + np.floor(np.arange(count) * (1000 / rate)).astype(np.int64)
        injected = inject(scenarios, Rows(rows.specs, rows.matrix[self._numbers], times), seed)
        self.episodes: tuple[Episode, ...] = injected.episodes
        self._rows = injected.rows
        self._encoder = EventEncoder(rows.specs)
        self._run = run

    def __len__(self) -> int:
        return len(self._rows)

    def id_of(self, event: int) -> str:
        return f"{self._run}-{event:x}"

    def time_of(self, event: int) -> int:
        """In ms since the epoch."""
        return int(self._rows.times_ms[event])

    def take(self, first: int, end: int) -> list[tuple[bytes, bytes]]:
        """Key and value of events `first` to `end`, without the last."""
        ids = map(self.id_of, range(first, end))
        times = self._rows.times_ms[first:end].tolist()
        values = self._encoder.events(ids, times, self._rows.matrix[first:end])
        keys = (b"row-%d" % number for number in self._numbers[first:end].tolist())
        return list(zip(keys, values, strict=True))
