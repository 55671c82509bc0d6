"""One lesson of a learner: what it knew, the records that came since, and what it knows then. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.answers import to_predictions
from models.online.design import design
from models.online.learner import FURTHEST, OnlineLearner
from models.prediction import FloatMatrix
from streams.decide.class_places import ClassPlaces
from streams.joining.key_index import NOWHERE, Keys
from streams.joining.log import Rows
from streams.learning.base import LearnerBase
from streams.learning.comparison import LearnerComparison
from streams.learning.records import Answered, ExampleRecord, Labelled
from streams.learning.report import ExampleFate, LearnerReport
from streams.learning.state import Knowledge, LearnerChange, LearnerState
from streams.learning.waiting import row_type

MOST_VERSIONS = 8
"""With which the learner is compared; of more, those that were heard of longest ago are forgotten."""


class Lesson:
    """A state and the records that came since, without a change to it."""

    def __init__(self, base: LearnerBase, state: LearnerState) -> None:
        self._base, self._state = base, state
        self._learner = OnlineLearner(state.knowledge.parameters)
        self._places = ClassPlaces(base.output.names)
        self._versions = dict(state.knowledge.versions)
        self._start = self._end = state.waiting.log.end
        self._new: list[Rows] = []
        self._features: list[NDArray[np.float64]] = []
        self._newest: dict[int, int] = {}
        self._fates: Counter[ExampleFate] = Counter()
        self._pairs: Counter[tuple[str, bool, bool]] = Counter()
        self._unreadable = self._foreign = 0

    def take(self, record: ExampleRecord | None) -> None:
        """One record on."""
        of = self._base.of
        if record is None:
            self._unreadable += 1
        elif record.model != of.model or (isinstance(record, Answered) and record.learner != of.version):
            self._foreign += 1
        elif isinstance(record, Answered):
            self._wait(record)
        else:
            self._learn(record)

    def change(self) -> LearnerChange:
        knowledge = Knowledge(
            base=self._base.of,
            parameters=self._learner.parameters(),
            versions=self._versions,
            end=self._end,
        )
        nothing = np.empty(0, dtype=row_type(self._state.waiting.width))
        return LearnerChange(knowledge, np.concatenate([nothing, *self._new]))

    def report(self) -> LearnerReport:
        return LearnerReport(
            model=self._base.of.model,
            fates=+self._fates,  # without those that are 0
            pairs=self._pairs,
            comparisons=self._versions,
            diverged=self._learner.diverged,
            waiting=min(self._end, self._state.waiting.most),
            unreadable=self._unreadable,
            foreign=self._foreign,
        )

    def _wait(self, record: Answered) -> None:
        try:
            keys, matrix = record.rows(self._state.waiting.width)
        except ValueError:
            self._unreadable += 1
            return
        rows = np.empty(len(keys), dtype=row_type(self._state.waiting.width))
        rows["key"], rows["features"] = keys, matrix
        self._newest.update(zip(keys.tolist(), range(self._end, self._end + len(keys)), strict=True))
        self._new.append(rows)
        self._features += list(matrix)
        self._end += len(keys)

    def _learn(self, record: Labelled) -> None:
        try:
            keys, labels, right = record.rows()
        except ValueError:
            self._unreadable += 1
            return
        places, found = self._places.of(labels), self._found(keys)
        is_here = found != NOWHERE
        known = is_here & (places >= 0)
        self._fates[ExampleFate.MISSED] += int((~is_here).sum())
        self._fates[ExampleFate.OTHER_LABEL] += int((is_here & ~known).sum())
        if not known.any():
            return
        rows, usable = self._columns(self._rows_at(found[known]))
        self._fates[ExampleFate.UNUSABLE] += int((~usable).sum())
        due = places[known][usable]
        answers = np.array([*self._answered_then_learnt(rows[usable], due)])
        learnt = len(answers)
        self._fates[ExampleFate.LEARNT] += learnt
        self._fates[ExampleFate.DIVERGED] += len(due) - learnt
        if learnt:
            chosen = to_predictions(self._base.output, answers).outputs[:, 1].astype(np.intp)
            self._compare(record.version, right[known][usable][:learnt], chosen == due[:learnt])
        if self._learner.diverged:
            self._versions.clear()  # what was found of it holds no more

    def _columns(self, inputs: FloatMatrix) -> tuple[FloatMatrix, NDArray[np.bool_]]:
        """What the learner takes of rows of inputs, and which of them it can."""
        prepared = self._base.preparation(inputs)
        rows = design(self._base.preparation.outputs, prepared.matrix)
        usable: NDArray[np.bool_] = np.logical_not((np.abs(rows) > FURTHEST).any(axis=1))
        usable[[*prepared.failures]] = False
        return rows, usable

    def _answered_then_learnt(self, rows: FloatMatrix, places: NDArray[np.int64]) -> Iterator[list[float]]:
        for row, place in zip(rows, places.tolist(), strict=True):
            if self._learner.diverged:
                return
            yield self._learner.predict(row)
            self._learner.learn(row, place)

    def _compare(self, version: str, right: NDArray[np.bool_], learners: NDArray[np.bool_]) -> None:
        comparison = self._versions.pop(version, LearnerComparison())
        for champion_right, learner_right in zip(right.tolist(), learners.tolist(), strict=True):
            comparison = comparison.after(champion_right=champion_right, learner_right=learner_right)
            self._pairs[version, champion_right, learner_right] += 1
        self._versions[version] = comparison
        for forgotten in [*self._versions][:-MOST_VERSIONS]:
            del self._versions[forgotten]

    def _found(self, keys: Keys) -> NDArray[np.int64]:
        """Where the latest row of each key is, of those that still count."""
        found: NDArray[np.int64] = self._state.waiting.find(keys)
        if self._newest:
            newer = np.array([self._newest.get(key, NOWHERE) for key in keys.tolist()], dtype=np.int64)
            found = np.maximum(found, newer)
        return np.where(found >= self._end - self._state.waiting.most, found, NOWHERE)

    def _rows_at(self, positions: NDArray[np.int64]) -> FloatMatrix:
        rows = np.empty((len(positions), self._state.waiting.width))
        before = positions < self._start
        rows[before] = self._state.waiting.log.at(positions[before])["features"]
        for place in np.flatnonzero(~before).tolist():
            rows[place] = self._features[int(positions[place]) - self._start]
        return rows
