"""Runs the detectors of a case side by side, on the same rows."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.drift.cases import Case, Trial
from benchmarks.drift.contenders import ON_ERRORS, ON_VALUES, YARDSTICK, Contender, Run
from benchmarks.drift.scoring import Mark, Score, score
from drift.scenarios import Rows


@dataclass(slots=True)
class Result:
    """A detector on a case: its score over all trials, and what each of them cost in us of CPU time a value."""

    case: str
    detector: str
    score: Score = field(default_factory=Score)
    us: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Turn:
    """A detector in one trial: it is fed rows [start, stop)."""

    contender: Contender
    run: Run
    start: int
    stop: int
    marks: list[Mark] = field(default_factory=list)
    values: int = 0
    seconds: float = 0.0

    def feed(self, rows: Rows, first: int) -> None:
        part = slice(max(0, self.start - first), max(0, self.stop - first))
        mine = Rows(rows.specs, rows.matrix[part], rows.times_ms[part])
        if not len(mine):
            return
        began = time.process_time()
        self.marks += self.run.feed(mine)
        self.seconds += time.process_time() - began
        self.values += mine.matrix.size

    def finish(self) -> None:
        began = time.process_time()
        self.marks += self.run.finish()
        self.seconds += time.process_time() - began


def measure(case: Case, first_seed: int, only: Sequence[str] | None = None) -> list[Result]:
    """One result a detector. Trial i has the seed `first_seed` + i. The yardstick runs whatever `only` names."""
    contenders = ON_VALUES if case.kind == "values" else ON_ERRORS
    chosen = {name: c for name, c in contenders.items() if not only or name in (*only, YARDSTICK)}
    results = {name: Result(case.name, name) for name in chosen}
    for number in range(case.trials):
        print(f"\r{case.name}: {number + 1} of {case.trials} ", end="", file=sys.stderr, flush=True)
        trial = case.draw(number, first_seed + number)
        for name, turn in _run(chosen, trial, number).items():
            truth = trial.truth.window(turn.start, turn.stop)
            results[name].score += score(turn.marks, truth, resolves=turn.contender.resolves)
            results[name].us.append(turn.seconds / turn.values * 1e6)
    print(file=sys.stderr)
    return list(results.values())


def _run(contenders: Mapping[str, Contender], trial: Trial, number: int) -> dict[str, _Turn]:
    turns = {
        name: _Turn(contender, contender.start(trial.reference), *_window(contender, trial))
        for name, contender in contenders.items()
        if contender.most_trials is None or number < contender.most_trials
    }
    first = 0
    for rows in trial.chunks:
        for turn in turns.values():
            turn.feed(rows, first)
        first += len(rows)
    for turn in turns.values():
        turn.finish()
    return turns


def _window(contender: Contender, trial: Trial) -> tuple[int, int]:
    """All rows; of a slow detector so many values, a quarter of them before the first change."""
    truth = trial.truth
    if contender.most_values is None:
        return 0, truth.rows
    most = contender.most_values // len(truth.signals)
    start = max(0, truth.episodes[0].first_row - most // 4) if truth.episodes else 0
    return start, min(truth.rows, start + most)
