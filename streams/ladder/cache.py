"""Answers of one version of a model by the prepared features of a row, the latest used ones. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.prediction import FloatMatrix, Label, Predictions
from streams.ladder.degradation import CacheUse

MOST_ENTRIES = 10_000
MOST_KEY_BYTES = 16 << 20


class AnswerCache:
    """A key is a row's bytes: never its event's id. There is one for each loaded version, so a switch begins with an
    empty one. Bounded in entries, and in the bytes of their keys."""

    def __init__(self, columns: int, most_entries: int = MOST_ENTRIES) -> None:
        self._row_bytes = 8 * columns
        self._most = max(1, min(most_entries, MOST_KEY_BYTES // self._row_bytes))
        self._slots: OrderedDict[bytes, int] = OrderedDict()
        self._values: list[Label] = []
        self._columns: dict[str, NDArray[Any]] = {}
        self._lookups = self._hits = 0
        self._oldest_s = 0.0

    def __len__(self) -> int:
        return len(self._slots)

    def find(self, matrix: FloatMatrix, now: float) -> tuple[list[int], Predictions]:
        """The rows whose answer is known, rising, and the answers to the bit."""
        self._lookups += len(matrix)
        rows, slots = [], []
        known, touch = self._slots.get, self._slots.move_to_end
        for row, key in enumerate(self._keys(matrix)):
            slot = known(key)
            if slot is not None:
                touch(key)
                rows.append(row)
                slots.append(slot)
        if not rows:
            return [], Predictions([], None, None, np.empty((0, 0)))
        self._hits += len(rows)
        columns = {name: column[slots] for name, column in self._columns.items()}
        self._oldest_s = max(self._oldest_s, now - float(columns["stored_at"].min()))
        scores = columns.get("scores")
        return rows, Predictions(
            [self._values[slot] for slot in slots],
            None if scores is None else scores.tolist(),
            columns.get("class_scores"),
            columns["outputs"],
        )

    def put(self, matrix: FloatMatrix, predictions: Predictions, now: float) -> None:
        """Remember the answers to the rows, each in place of an older one or of the one that was unused longest."""
        if not len(matrix):
            return
        slots = [self._slot(key) for key in self._keys(matrix)]
        for slot, value in zip(slots, predictions.values, strict=True):
            self._values[slot] = value
        self._store("stored_at", slots, np.full(len(slots), now))
        self._store("outputs", slots, predictions.outputs)
        if predictions.scores is not None:
            self._store("scores", slots, np.array(predictions.scores, dtype=np.float64))
        if predictions.class_scores is not None:
            self._store("class_scores", slots, predictions.class_scores)

    def take_use(self) -> CacheUse:
        """What it was used for since the last time."""
        use = CacheUse(self._lookups, self._hits, self._oldest_s)
        self._lookups, self._hits, self._oldest_s = 0, 0, 0.0
        return use

    def _slot(self, key: bytes) -> int:
        slot = self._slots.pop(key, None)
        if slot is None:
            if len(self._slots) < self._most:
                slot = len(self._slots)
                self._values.append("")
            else:
                _, slot = self._slots.popitem(last=False)
        self._slots[key] = slot
        return slot

    def _store(self, name: str, slots: Sequence[int], values: NDArray[Any]) -> None:
        if name not in self._columns:
            self._columns[name] = np.empty((self._most, *values.shape[1:]))
        self._columns[name][slots] = values

    def _keys(self, matrix: FloatMatrix) -> list[bytes]:
        rows, size = matrix.tobytes(), self._row_bytes
        return [rows[at : at + size] for at in range(0, len(rows), size)]
