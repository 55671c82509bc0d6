"""Which answers and labels of one partition of `joins` belong together. Pure.

Whichever comes second joins. An entry counts for the window, by the greatest record timestamp so far, and while fewer
than the cap came after it; one answer of a model and one label of an event count at a time, the first that came. No
clock is read: the same records in any batches, with restarts anywhere, lead to the same joins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drift.estimate import Calibration
from streams.joining.arrivals import Arrivals
from streams.joining.key_index import NOWHERE, KeyIndex, Keys, Positions
from streams.joining.log import SEGMENT, Rows
from streams.joining.records import JoinRecord
from streams.joining.state import Change, JoinState, ModelVersion
from streams.joining.values import Values, are_equal


class Fate(StrEnum):
    """What became of an answer or a label; metrics and documents use the same words."""

    JOINED = "joined"  # the answer was there first
    EARLY = "early"  # joined; the label was there first
    DUPLICATE = "duplicate"  # the same label again
    CONFLICTING = "conflicting"  # another label for the same event: the first holds
    REPEATED = "repeated"  # an answer to an event that has one
    MISSING = "missing"  # an answer left without a label
    UNMATCHED = "unmatched"  # a label left without an answer: too late, or of an event that was never answered


class Outcomes(NamedTuple):
    """Answers of one model version whose labels are known: columns. `times_ms` are the events'. `lags_ms`: from there
    to the label's own time, or its record's; below 0 where it was known before. `confidences`: NaN where none."""

    model: str
    version: str
    times_ms: NDArray[np.int64]
    predictions: Values
    confidences: NDArray[np.float64]
    labels: Values
    right: NDArray[np.bool_]
    lags_ms: NDArray[np.int64]


class Left(NamedTuple):
    """Answers of one model version that no longer wait: columns."""

    model: str
    version: str
    times_ms: NDArray[np.int64]
    labelled: NDArray[np.bool_]


class Step(NamedTuple):
    """What records lead to."""

    outcomes: list[Outcomes]
    left: list[Left]
    fates: Counter[Fate]
    change: Change


def join(state: JoinState, records: Sequence[tuple[int, JoinRecord]]) -> Step:
    """Follow records of one partition in the order of their offsets, each with its timestamp in ms."""
    return _Ahead(state, Arrivals(state, records)).run()


class _Ahead:
    """A state and what follows from records since, without a change to it."""

    def __init__(self, state: JoinState, arrivals: Arrivals) -> None:
        self._state, self._arrivals = state, arrivals
        self._start = state.log.end
        self._rows = arrivals.rows
        self._index = KeyIndex()
        self._head = state.head
        self._fates: Counter[Fate] = Counter()
        self._pairs: list[tuple[Rows, Rows]] = []
        self._gone: list[tuple[Rows, NDArray[np.bool_]]] = []

    def run(self) -> Step:
        begin, total = 0, len(self._rows)
        while begin < total:
            begin = self._take(begin, self._arrivals.distinct_until(begin))
        if total:
            self._forget(total, int(self._rows["arrived"][-1]))
        arrivals, clock_ms = self._arrivals, self._arrivals.clock_ms
        outcomes = list(self._outcomes())
        calibrations = dict(self._calibrations(outcomes))
        change = Change(self._rows, arrivals.new_versions, self._head, clock_ms, calibrations)
        return Step(outcomes, list(self._left()), self._fates, change)

    def _take(self, begin: int, end: int) -> int:
        """Arrivals of which no two are about one event, up to `end` or to one before; returns where."""
        rows = self._rows[begin:end]
        earlier = self._find(rows["key"])
        counts = self._counts(earlier, begin)
        # An entry that no longer counts must have left before another of its key comes.
        if earlier[0] >= self._head and not counts[0]:
            self._forget(begin, int(rows["arrived"][0]))
        lapsed = ((earlier >= self._head) & ~counts).nonzero()[0]
        if len(lapsed):
            end = begin + int(lapsed[0])
            rows, earlier, counts = rows[: lapsed[0]], earlier[: lapsed[0]], counts[: lapsed[0]]
        rows["void"] = counts
        labels = rows["version"] == 0
        self._fates[Fate.REPEATED] += int((counts & ~labels).sum())
        self._weigh_again(rows, earlier, counts & labels)
        self._join_labels(begin, rows, (labels & ~counts).nonzero()[0])
        self._join_answers(begin, rows, (~labels & ~counts).nonzero()[0])
        fresh = (~rows["void"]).nonzero()[0]
        self._index.add(rows["key"][fresh], fresh + begin + self._start, oldest=0)
        return end

    def _weigh_again(self, rows: Rows, earlier: Positions, again: NDArray[np.bool_]) -> None:
        """Labels of events that have one."""
        if again.any():
            same = _equal(rows[again], self._at(earlier[again]))
            self._fates[Fate.DUPLICATE] += int(same.sum())
            self._fates[Fate.CONFLICTING] += int((~same).sum())

    def _join_labels(self, begin: int, rows: Rows, places: NDArray[np.intp]) -> None:
        """Labels meet the answers that wait, of whichever models."""
        refused = np.zeros(len(rows), dtype=np.bool_)
        for salt in self._arrivals.salts if len(places) else ():
            found = self._find(rows["key"][places] ^ salt)
            here = self._counts(found, begin + places)
            answers, own = self._at(found[here]), places[here]
            waiting = ~answers["joined"]  # else its label came before it, and has left since
            refused[own[~waiting]] = True
            rows["joined"][own[waiting]] = True
            self._pairs.append((answers[waiting], rows[own[waiting]]))
            self._fates[Fate.JOINED] += int(waiting.sum())
        again = refused & ~rows["joined"]
        rows["void"] |= again
        self._fates[Fate.DUPLICATE] += int(again.sum())

    def _join_answers(self, begin: int, rows: Rows, places: NDArray[np.intp]) -> None:
        """Answers meet the labels that were there first."""
        if not len(places):
            return
        found = self._find(rows["key"][places] ^ self._arrivals.salts_of(rows["version"][places]))
        here = self._counts(found, begin + places)
        own = places[here]
        rows["joined"][own] = True
        self._pairs.append((rows[own], self._at(found[here])))
        self._fates[Fate.EARLY] += len(own)

    def _forget(self, until: int, clock_ms: int) -> None:
        """Let go of what no longer counts for the arrival number `until`, and say what became of it."""
        end = self._start + until
        oldest_ms = clock_ms - self._state.window_ms
        while self._head < end:
            rows = self._between(self._head, min(self._head + SEGMENT, end))
            too_old, too_many = int(np.searchsorted(rows["arrived"], oldest_ms)), end - self._state.most - self._head
            count = max(too_old, min(too_many, len(rows)))
            if count <= 0:
                return
            self._leave(rows[:count], self._head + np.arange(count))
            self._head += count
            if count < len(rows):
                return

    def _leave(self, rows: Rows, positions: Positions) -> None:
        counting = ~rows["void"]
        labels = (counting & (rows["version"] == 0)).nonzero()[0]
        matched = rows["joined"][labels].copy()
        for salt in self._arrivals.salts if len(labels) else ():
            matched |= self._was_met(rows[labels], positions[labels], rows["key"][labels] ^ salt)
        self._fates[Fate.UNMATCHED] += int((~matched).sum())
        answers = (counting & (rows["version"] != 0)).nonzero()[0]
        if len(answers):
            own = rows[answers]
            keys = own["key"] ^ self._arrivals.salts_of(own["version"])
            labelled = own["joined"] | self._was_met(own, positions[answers], keys)
            self._fates[Fate.MISSING] += int((~labelled).sum())
            self._gone.append((own, labelled))

    def _was_met(self, rows: Rows, positions: Positions, keys: Keys) -> NDArray[np.bool_]:
        """Whether the other half came later, while these still counted."""
        found = self._find(keys)
        later = (found > positions).nonzero()[0]
        others = self._at(found[later])
        in_time = (found[later] - positions[later] <= self._state.most) & (
            others["arrived"] - rows["arrived"][later] <= self._state.window_ms
        )
        met = np.zeros(len(rows), dtype=np.bool_)
        met[later[in_time]] = True
        return met

    # --- looking up -------------------------------------------------------------------------------------------------

    def _find(self, keys: Keys) -> Positions:
        found = self._state.index.find(keys)
        ahead = self._index.find(keys)
        return np.where(ahead == NOWHERE, found, ahead)

    def _counts(self, found: Positions, arrivals: int | NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which entries still count when those arrivals come (their numbers, or the first of a row of them)."""
        numbers = arrivals + np.arange(len(found)) if isinstance(arrivals, int) else arrivals
        here = (found >= self._head) & (self._start + numbers - found <= self._state.most)
        arrived = self._at(found[here])["arrived"]
        here[here] = self._rows["arrived"][numbers[here]] - arrived <= self._state.window_ms
        return here

    def _at(self, positions: Positions) -> Rows:
        rows = np.empty(len(positions), dtype=self._rows.dtype)
        before = positions < self._start
        rows[before] = self._state.log.at(positions[before])
        rows[~before] = self._rows[positions[~before] - self._start]
        return rows

    def _between(self, first: int, end: int) -> Rows:
        middle = min(max(first, self._start), end)
        ahead = self._rows[middle - self._start : end - self._start]
        return np.concatenate((self._state.log.between(first, middle), ahead)) if first < middle else ahead

    # --- telling ----------------------------------------------------------------------------------------------------

    def _outcomes(self) -> Iterator[Outcomes]:
        if not self._pairs:
            return
        answers = np.concatenate([pair[0] for pair in self._pairs])
        labels = np.concatenate([pair[1] for pair in self._pairs])
        for place, name in self._versions_of(answers):
            own, its = answers[place], labels[place]
            yield Outcomes(
                model=name.model,
                version=name.version,
                times_ms=own["time"],
                predictions=_values(own),
                confidences=own["confidence"].astype(np.float64),
                labels=_values(its),
                right=_equal(own, its),
                lags_ms=its["time"] - own["time"],
            )

    def _calibrations(self, outcomes: Sequence[Outcomes]) -> Iterator[tuple[ModelVersion, Calibration]]:
        for own in outcomes:
            name = ModelVersion(own.model, own.version)
            yield name, self._state.calibration_of(name).plus(own.confidences, own.right)

    def _left(self) -> Iterator[Left]:
        if not self._gone:
            return
        answers = np.concatenate([rows for rows, _ in self._gone])
        labelled = np.concatenate([flags for _, flags in self._gone])
        for place, name in self._versions_of(answers):
            yield Left(name.model, name.version, answers["time"][place], labelled[place])

    def _versions_of(self, answers: Rows) -> Iterator[tuple[NDArray[np.bool_], ModelVersion]]:
        for version in np.unique(answers["version"]).tolist():
            yield answers["version"] == version, self._arrivals.versions[version - 1]


def _equal(rows: Rows, others: Rows) -> NDArray[np.bool_]:
    return are_equal(_values(rows), _values(others))


def _values(rows: Rows) -> Values:
    return Values(rows["kind"], rows["value"])
