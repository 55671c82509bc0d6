"""Loads a challenger and asks it, on a thread of its own: whatever it does, answers wait no longer than a budget."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray

from models.prediction import FloatMatrix, Model
from streams.contracts import Reason
from streams.ladder.breaker import FIRST_BACKOFF_S, PROBE_ROWS, Breaker, State
from streams.model_call import Answers, Blame, no_predictions, predict

log = structlog.get_logger("streams.challenger")

LOAD_AGAIN_S = 30.0
"""A version that could not be loaded may be on its way to this machine's registry."""

GROWTH = 1.25
"""By how much more rows it is asked about after it was in time; half as many after it was not."""


class LoadedChallenger(NamedTuple):
    """A model that can stand in for the version that answers; `edges` of the bins that its outputs are counted in, and
    what ends its process."""

    model: Model
    edges: NDArray[np.float64]
    close: Callable[[], None]


@dataclass(eq=False)
class _Call:
    matrix: FloatMatrix
    answers: Answers | None = None
    done: threading.Event = field(default_factory=threading.Event)


class ChallengerThread:
    """One challenger. A call that outlasts the budget is left behind, and none is made while it lasts: a model that
    hangs costs the budget once. A late call is a failed one, and late again where it lasts on when a probe would be
    due. The breaker holds back one that fails on everything; one that is too slow is asked about fewer rows."""

    def __init__(
        self,
        version: str,
        load: Callable[[], LoadedChallenger],
        *,
        budget_s: float,
        breaker: Breaker,
        on_failure: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        load_again_s: float = LOAD_AGAIN_S,
    ) -> None:
        """`on_failure` is told why it could not be loaded, once for each reason."""
        self.version, self._load_again_s = version, load_again_s
        self._load, self._budget_s, self._breaker = load, budget_s, breaker
        self._on_failure, self._clock = on_failure, clock
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._left_behind: _Call | None = None
        self._late_again_at = 0.0
        self._most_rows = float("inf")
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._end: Callable[[], None] | None = None
        self.loaded: LoadedChallenger | None = None
        self._thread = threading.Thread(target=self._run, name="challenger", daemon=True)
        self._thread.start()

    def ask(self, matrix: FloatMatrix) -> Answers | None:
        """Answers, or blames, about the rows that it is asked about, all of them where it is not in time; None where it
        is not asked. For the thread that answers."""
        behind = self._left_behind is not None and not self._left_behind.done.is_set()
        if self._closed.is_set() or (behind and self._clock() < self._late_again_at):
            return None
        state = self._breaker.admit(self._clock())
        if state is State.OPEN:
            return None
        if behind:
            return self._late([*range(len(matrix))], "the call before is still under way")
        most = PROBE_ROWS if state is State.HALF_OPEN else self._most_rows
        rows = _spread(len(matrix), most)
        call = _Call(matrix if len(rows) == len(matrix) else matrix[rows])
        self._calls.put(call)
        if not call.done.wait(self._budget_s):
            self._left_behind = call
            self._most_rows = max(float(PROBE_ROWS), len(rows) / 2)
            return self._late(rows.tolist(), f"no answer about {len(rows)} rows within {self._budget_s:g} s")
        answers = call.answers
        if answers is None or not self._noted(answers):  # it was closed meanwhile
            return None
        self._most_rows *= GROWTH
        placed = rows.tolist()
        return replace(
            answers,
            rows=[placed[row] for row in answers.rows],
            blamed=[replace(blame, row=placed[blame.row]) for blame in answers.blamed],
        )

    def close(self) -> None:
        """End it. Does not wait for a call that is under way, nor for a load."""
        with self._lock:
            self._closed.set()
            end, self._end = self._end, None
        self._calls.put(None)
        if end is not None:
            end()

    def _late(self, rows: list[int], why: str) -> Answers | None:
        self._late_again_at = self._clock() + FIRST_BACKOFF_S
        assert self.loaded is not None
        nothing = no_predictions(len(self.loaded.model.output_signals))
        answers = Answers([], nothing, [Blame(row, Reason.MODEL_DEADLINE, why) for row in rows])
        return answers if self._noted(answers) else None

    def _noted(self, answers: Answers) -> bool:
        """Tell the breaker, unless it was closed meanwhile, and by that perhaps failed: whoever closed it tells of
        another one then."""
        with self._lock:
            if self._closed.is_set():
                return False
            if answers.rows and not answers.given_up:
                self._breaker.answered()
            elif answers.blamed:
                last = answers.blamed[-1]
                self._breaker.failed(self._clock(), last.reason, last.error, given_up=answers.given_up)
            return True

    def _run(self) -> None:
        loaded = self._load_it()
        while loaded is not None and (call := self._calls.get()) is not None:
            # predict raises nothing that a model raises.
            call.answers = None if self._closed.is_set() else predict(loaded.model, call.matrix, patient=False)
            call.done.set()

    def _load_it(self) -> LoadedChallenger | None:
        """Tried again and again; None if it is closed before."""
        told: str | None = None
        while not self._closed.is_set():
            try:
                loaded = self._load()
            except Exception as error:  # noqa: BLE001  # whatever a version does, the one that answers goes on
                why = str(error) or type(error).__name__
                if why != told:
                    log.warning("challenger not loaded, answers go on without it", version=self.version, why=why)
                    self._on_failure(why)
                told = why
                self._closed.wait(self._load_again_s)
                continue
            with self._lock:
                self._end = loaded.close
            if self._closed.is_set():
                self.close()
                return None
            self.loaded = loaded
            return loaded
        return None


def _spread(rows: int, most: float) -> NDArray[np.intp]:
    """At most so many of n rows, spread over them: neighbours may be of one sender."""
    if rows <= most:
        return np.arange(rows)
    return np.unique(np.linspace(0, rows - 1, int(most)).astype(np.intp))
