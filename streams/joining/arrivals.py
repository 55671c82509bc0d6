"""Records of `joins` as rows of the log, before it is known what becomes of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from streams.joining.key_index import Keys, keys_of
from streams.joining.log import ENTRY, Rows
from streams.joining.records import Answers, JoinRecord, Labels, Scalar
from streams.joining.state import Answerer, JoinState, Salts
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
        for _, run in groupby(records, key=lambda each: type(each[1])):
            own = list(run)
            labels = [(timestamp_ms, record) for timestamp_ms, record in own if isinstance(record, Labels)]
            rows += [self._labels(labels)] if labels else []
            rows += [self._answers(stamp, record) for stamp, record in own if isinstance(record, Answers)]
        self.rows: Rows = np.concatenate(rows)
        main = [each for each in self.versions if not each.champion]
        self.salts = [self._salt(place) for place in dict.fromkeys(each.place for each in main)]
        others = [each for each in self.versions if each.champion]
        self.beside_salts = {
            self._salt(model): self._salt(place) for model, place in {each.model: each.place for each in others}.items()
        }
        before = _before(np.concatenate(self._ids))
        answers = self.rows["version"] != 0
        self._repeats = before
        self._turns = np.where(answers == answers[before], -1, before)

    @property
    def new_versions(self) -> list[Answerer]:
        return self.versions[self._known :]

    def are_beside(self, rows: Rows) -> NDArray[np.bool_]:
        """Which rows are answers of challengers."""
        table = np.array([False, *(bool(each.champion) for each in self.versions)])
        found: NDArray[np.bool_] = table[rows["version"]]
        return found

    def salts_of(self, versions: NDArray[np.uint16]) -> Keys:
        """Of the answers of each version number (from 1 on)."""
        table = np.array([self._salts.of(each.place) for each in self.versions], dtype=np.uint64)
        return table[versions.astype(np.intp) - 1]

    def one_sided_until(self, begin: int) -> int:
        """The end of the longest row of arrivals from `begin` on in which no event has both a label and an answer."""
        # The first arrival whose event was met at or after `begin`, by its other half.
        after = (self._turns[begin:] >= begin).nonzero()[0]
        return begin + int(after[0]) if len(after) else len(self.rows)

    def have_repeats(self, begin: int, end: int) -> bool:
        """Whether any two of them are about one event."""
        return bool((self._repeats[begin:end] >= begin).any())

    def _labels(self, records: Sequence[tuple[int, Labels]]) -> Rows:
        """All at once: a trickle of labels is a record each, and the rows of one cost as much as those of hundreds."""
        ids: list[str] = []
        labels: list[Scalar] = []
        times: list[int] = []
        clocks: list[int] = []
        for timestamp_ms, record in records:
            own = record.times or [None] * len(record.ids)
            if not len(record.ids) == len(record.labels) == len(own):
                raise ValueError("a record of labels with columns of different lengths")
            self.clock_ms = max(self.clock_ms, timestamp_ms)
            ids += record.ids
            labels += record.labels
            times += (timestamp_ms if time is None else time for time in own)
            clocks += [self.clock_ms] * len(own)
        rows = self._rows_of(ids, times, labels)
        rows["arrived"], rows["confidence"] = clocks, np.nan
        self._ids.append(rows["key"].copy())
        return rows

    def _answers(self, timestamp_ms: int, record: Answers) -> Rows:
        self.clock_ms = max(self.clock_ms, timestamp_ms)
        rows = self._rows_of(record.ids, record.times, record.predictions)
        ids = rows["key"].copy()
        self._sign(rows, Answerer(record.model, record.version))
        rows["arrived"] = self.clock_ms
        rows["confidence"] = np.nan if record.confidences is None else record.confidences
        if record.beside is None:
            self._ids.append(ids)
            return rows
        others = rows.copy()
        others["key"], others["confidence"] = ids, np.nan
        others["kind"], others["value"] = coded(record.beside.predictions)
        self._sign(others, Answerer(record.model, record.beside.version, champion=record.version))
        # Under a key of their own also here: they repeat no answer, and a label meets what they stand beside.
        self._ids.append(np.column_stack((ids, others["key"])).ravel())
        return np.column_stack((rows, others)).ravel()

    def _sign(self, rows: Rows, answerer: Answerer) -> None:
        rows["key"] ^= self._salt(answerer.place)
        rows["version"] = self._number_of(answerer)

    def _rows_of(self, ids: Sequence[str], times: Sequence[int], values: Sequence[Scalar]) -> Rows:
        rows = np.zeros(len(ids), dtype=ENTRY)
        rows["key"] = keys_of(ids)
        rows["time"] = times
        rows["kind"], rows["value"] = coded(values)
        return rows

    def _salt(self, place: str) -> np.uint64:
        return np.uint64(self._salts.of(place))

    def _number_of(self, answerer: Answerer) -> int:
        if answerer not in self.versions:
            self.versions.append(answerer)
        return self.versions.index(answerer) + 1


def _before(keys: Keys) -> NDArray[np.int64]:
    """Where each key stood before, -1 where it did not."""
    before = np.full(len(keys), -1, dtype=np.int64)
    order = np.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    before[order[1:][same]] = order[:-1][same]
    return before
