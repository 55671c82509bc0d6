"""Which answers and labels of one partition of `joins` belong together. Pure.

Whichever comes second joins. An entry counts for the window, by the greatest record timestamp so far, and while fewer
than the cap came after it; one answer of a model and one label of an event count at a time, the first that came. What
repeats them is counted, not kept, and takes nobody's place. What a challenger answered is an entry of its own right
behind the answer that it stands beside; where a label finds both there, it makes a pair. No clock is read: the same
records in any batches, with restarts anywhere, lead to the same joins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drift.estimate import Calibration
from streams.joining.ahead import Ahead, Found
from streams.joining.arrivals import Arrivals
from streams.joining.leaving import Leaving
from streams.joining.log import ENTRY, Rows
from streams.joining.outcomes import Fate, Left, Outcomes, Paired, equal, left_of, outcomes_of, paired_of
from streams.joining.records import JoinRecord
from streams.joining.repeats import NEVER, Limits, Verdict, judge_at_once, judge_one_by_one
from streams.joining.state import Change, JoinState, ModelVersion


class Step(NamedTuple):
    """What records lead to."""

    outcomes: list[Outcomes]
    left: list[Left]
    paired: list[Paired]
    fates: Counter[Fate]
    change: Change


def join(state: JoinState, records: Sequence[tuple[int, JoinRecord]]) -> Step:
    """Follow records of one partition in the order of their offsets, each with its timestamp in ms."""
    return _Join(state, Arrivals(state, records)).run()


class _Join:
    def __init__(self, state: JoinState, arrivals: Arrivals) -> None:
        self._state, self._arrivals = state, arrivals
        self._ahead = Ahead(state, len(arrivals.rows))
        self._fates: Counter[Fate] = Counter()
        self._answers = [np.empty(0, dtype=ENTRY)]
        self._labels = [np.empty(0, dtype=ENTRY)]
        nothing = np.empty(0, dtype=ENTRY)
        self._pairs = [(nothing, nothing, nothing)]

    def run(self) -> Step:
        begin, arrivals = 0, self._arrivals
        while begin < len(arrivals.rows):
            end = arrivals.one_sided_until(begin)
            self._take(begin, end)
            begin = end
        leaving = Leaving(self._state, arrivals, self._ahead)
        versions = arrivals.versions
        outcomes = list(outcomes_of(np.concatenate(self._answers), np.concatenate(self._labels), versions))
        left = list(left_of(leaving.answers, leaving.labelled, versions))
        calibrations = dict(self._calibrations(outcomes))
        change = Change(self._ahead.kept, arrivals.new_versions, leaving.head, arrivals.clock_ms, calibrations)
        by_champion, by_challenger, labels = (np.concatenate(column) for column in zip(*self._pairs, strict=True))
        paired = list(paired_of(by_champion, by_challenger, labels, versions))
        return Step(outcomes, left, paired, self._fates + leaving.fates, change)

    def _take(self, begin: int, end: int) -> None:
        """Arrivals none of which is the other half of another."""
        rows = self._arrivals.rows[begin:end]
        labels = (rows["version"] == 0).nonzero()[0]
        earlier = self._ahead.look(rows["key"], rows["arrived"])
        answers = self._answers_to(rows[labels], self._arrivals.salts)
        limits = _limits(earlier, labels, answers)
        verdict = None if self._arrivals.have_repeats(begin, end) else judge_at_once(self._ahead.end, limits)
        if verdict is None:
            most, window_ms = self._state.most, self._state.window_ms
            verdict = judge_one_by_one(self._ahead.end, limits, rows["key"], rows["arrived"], most, window_ms)
        beside = self._arrivals.are_beside(rows).nonzero()[0]
        rows["joined"][beside] = ~verdict.repeats[beside - 1]
        self._count_repeats(rows, earlier, verdict)
        self._join_labels(rows, labels, answers, verdict)
        self._join_answers(rows, verdict)
        self._ahead.keep(rows[~verdict.repeats])

    def _answers_to(self, labels: Rows, salts: Iterable[np.uint64]) -> list[Found]:
        """Of each salt."""
        if not len(labels):
            return []
        return [self._ahead.look(labels["key"] ^ salt, labels["arrived"]) for salt in salts]

    def _count_repeats(self, rows: Rows, earlier: Found, verdict: Verdict) -> None:
        if not verdict.repeats.any():
            return
        labels = verdict.repeats & (rows["version"] == 0)
        answers = verdict.repeats & (rows["version"] != 0) & ~self._arrivals.are_beside(rows)
        held, twins = earlier.rows.copy(), verdict.of >= 0
        held[twins] = rows[verdict.of[twins]]
        # The others came after an answer that had its label when it came: that label has left.
        is_there = twins | (earlier.limits >= verdict.positions)
        others = int((labels & is_there & ~equal(rows, held)).sum())
        self._fates[Fate.REPEATED] += int(answers.sum())
        self._fates[Fate.CONFLICTING] += others
        self._fates[Fate.DUPLICATE] += int(labels.sum()) - others

    def _join_labels(self, rows: Rows, labels: NDArray[np.intp], answers: list[Found], verdict: Verdict) -> None:
        """Labels meet the answers that wait, of whichever models, and those that stand beside them."""
        kept, positions = ~verdict.repeats[labels], verdict.positions[labels]
        waiting = [kept & (found.limits >= positions) & ~found.rows["joined"] for found in answers]
        for here in waiting:
            rows["joined"][labels[here]] = True
        for here, found in zip(waiting, answers, strict=True):
            self._meet(found.rows[here], rows[labels[here]])
            self._ahead.meet(found.positions[here])
            self._fates[Fate.JOINED] += int(here.sum())
        for salt, here, found in zip(self._arrivals.salts if answers else (), waiting, answers, strict=True):
            if salt in self._arrivals.beside_salts:
                [beside] = self._answers_to(rows[labels], [self._arrivals.beside_salts[salt]])
                both = here & beside.rows["joined"] & (beside.positions == found.positions + 1)
                self._pairs.append((found.rows[both], beside.rows[both], rows[labels[both]]))

    def _join_answers(self, rows: Rows, verdict: Verdict) -> None:
        """Answers meet the labels that were there first."""
        beside = self._arrivals.are_beside(rows)
        places = (~verdict.repeats & (rows["version"] != 0) & ~beside).nonzero()[0]
        if not len(places):
            return
        keys = rows["key"][places] ^ self._arrivals.salts_of(rows["version"][places])
        found = self._ahead.look(keys, rows["arrived"][places])
        here = found.limits >= verdict.positions[places]
        own = places[here]
        rows["joined"][own] = True
        self._meet(rows[own], found.rows[here])
        self._ahead.meet(found.positions[here])
        self._fates[Fate.EARLY] += len(own)
        kept_beside = np.append(beside & ~verdict.repeats, False)
        both = kept_beside[own + 1]
        self._pairs.append((rows[own[both]], rows[own[both] + 1], found.rows[here][both]))

    def _meet(self, answers: Rows, labels: Rows) -> None:
        self._answers.append(answers)
        self._labels.append(labels)

    def _calibrations(self, outcomes: Sequence[Outcomes]) -> Iterator[tuple[ModelVersion, Calibration]]:
        for own in outcomes:
            name = ModelVersion(own.model, own.version)
            yield name, self._state.calibration_of(name).plus(own.confidences, own.right)


def _limits(earlier: Found, labels: NDArray[np.intp], answers: Sequence[Found]) -> Limits:
    settled, waiting = np.full_like(earlier.limits, NEVER), np.full_like(earlier.limits, NEVER)
    for found in answers:
        joined = found.rows["joined"]
        settled[labels] = np.maximum(settled[labels], np.where(joined, found.limits, NEVER))
        waiting[labels] = np.maximum(waiting[labels], np.where(joined, NEVER, found.limits))
    return Limits(earlier.limits, settled, waiting)
