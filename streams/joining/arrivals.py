"""Records of `joins` as rows of the log, before it is known what becomes of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streams.joining.key_index import Keys, keys_of
from streams.joining.log import ENTRY, Rows
from streams.joining.records import Answers, JoinRecord
from streams.joining.state import JoinState, ModelVersion, Salts
from streams.joining.values import coded


class Arrivals:
    """`rows` in the order of the records, each with the clock that its record leads to."""

    def __init__(self, state: JoinState, records: Sequence[tuple[int, JoinRecord]]) -> None:
        self.clock_ms = state.clock_ms
        self._salts = Salts()
        self.versions = list(state.versions)
        self._known = len(state.versions)
        self._ids: list[Keys] = [np.empty(0, dtype=np.uint64)]
        rows = [np.empty(0, dtype=ENTRY)]
        for timestamp_ms, record in records:
            self.clock_ms = max(self.clock_ms, timestamp_ms)
            rows.append(self._rows_of(record, timestamp_ms))
        self.rows: Rows = np.concatenate(rows)
        self.salts = [np.uint64(self._salts.of(model)) for model in dict.fromkeys(each.model for each in self.versions)]
        before = _before(np.concatenate(self._ids))
        answers = self.rows["version"] != 0
        self._repeats = before
        self._turns = np.where(answers == answers[before], -1, before)

    @property
    def new_versions(self) -> list[ModelVersion]:
        return self.versions[self._known :]

    def salts_of(self, versions: NDArray[np.uint16]) -> Keys:
        """Of the model of each version number (from 1 on)."""
        table = np.array([self._salts.of(each.model) for each in self.versions], dtype=np.uint64)
        return table[versions.astype(np.intp) - 1]

    def one_sided_until(self, begin: int) -> int:
        """The end of the longest row of arrivals from `begin` on in which no event has both a label and an answer."""
        # The first arrival whose event was met at or after `begin`, by its other half.
        after = (self._turns[begin:] >= begin).nonzero()[0]
        return begin + int(after[0]) if len(after) else len(self.rows)

    def have_repeats(self, begin: int, end: int) -> bool:
        """Whether any two of them are about one event."""
        return bool((self._repeats[begin:end] >= begin).any())

    def _rows_of(self, record: JoinRecord, timestamp_ms: int) -> Rows:
        ids = keys_of(record.ids)
        self._ids.append(ids)
        rows = np.zeros(len(ids), dtype=ENTRY)
        rows["arrived"] = self.clock_ms
        if isinstance(record, Answers):
            name = ModelVersion(record.model, record.version)
            rows["key"] = ids ^ np.uint64(self._salts.of(record.model))
            rows["version"] = self._number_of(name)
            rows["time"] = record.times
            rows["confidence"] = np.nan if record.confidences is None else record.confidences
            values = coded(record.predictions)
        else:
            rows["key"] = ids
            times = record.times or [None] * len(ids)
            rows["time"] = [timestamp_ms if time is None else time for time in times]
            rows["confidence"] = np.nan
            values = coded(record.labels)
        rows["kind"], rows["value"] = values
        return rows

    def _number_of(self, name: ModelVersion) -> int:
        if name not in self.versions:
            self.versions.append(name)
        return self.versions.index(name) + 1


def _before(keys: Keys) -> NDArray[np.int64]:
    """Where each key stood before, -1 where it did not."""
    before = np.full(len(keys), -1, dtype=np.int64)
    order = np.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    before[order[1:][same]] = order[:-1][same]
    return before
