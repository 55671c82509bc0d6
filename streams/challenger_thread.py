"""Loads a challenger and asks it, on a thread of its own: whatever it does, answers wait no longer than a budget."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from queue import SimpleQueue

import numpy as np
import structlog
from numpy.typing import NDArray

from models.prediction import FloatMatrix, Model
from streams.contracts import Reason
from streams.ladder.breaker import PROBE_ROWS, Breaker, State
from streams.model_call import Answers, predict

log = structlog.get_logger("streams.challenger")

LOAD_AGAIN_S = 30.0
"""A version that could not be loaded may be on its way to this machine's registry."""

GROWTH = 1.25
"""By how much more rows it is asked about after it was in time; half as many after it was not."""


@dataclass(eq=False)
class _Call:
    matrix: FloatMatrix
    answers: Answers | None = None
    done: threading.Event = field(default_factory=threading.Event)


class ChallengerThread:
    """One challenger. A call that outlasts the budget is left behind, and none is made while it lasts: a model that
    hangs costs the budget once. The breaker holds back one that fails on everything; one that is too slow is asked
    about fewer rows."""

    def __init__(
        self,
        version: str,
        load: Callable[[], tuple[Model, Callable[[], None]]],
        *,
        budget_s: float,
        breaker: Breaker,
        on_failure: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`load` gives a model that can stand in for the version that answers, and what ends its process. `on_failure`
        is told why it could not be loaded, once for each reason."""
        self.version = version
        self._load, self._budget_s, self._breaker = load, budget_s, breaker
        self._on_failure, self._clock = on_failure, clock
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._left_behind: _Call | None = None
        self._most_rows = float("inf")
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._end: Callable[[], None] | None = None
        self.model: Model | None = None
        """None until it is loaded."""
        self._thread = threading.Thread(target=self._run, name="challenger", daemon=True)
        self._thread.start()

    def ask(self, matrix: FloatMatrix) -> Answers | None:
        """Answers, or blames, about the rows that it is asked about; None where it is not asked or not in time. For the
        thread that answers."""
        if self._closed.is_set() or (self._left_behind is not None and not self._left_behind.done.is_set()):
            return None
        state = self._breaker.admit(self._clock())
        if state is State.OPEN:
            return None
        most = PROBE_ROWS if state is State.HALF_OPEN else self._most_rows
        rows = _spread(len(matrix), most)
        call = _Call(matrix if len(rows) == len(matrix) else matrix[rows])
        self._calls.put(call)
        if not call.done.wait(self._budget_s):
            self._left_behind = call
            self._most_rows = max(float(PROBE_ROWS), len(rows) / 2)
            why = f"no answer about {len(rows)} rows within {self._budget_s:g} s"
            self._breaker.failed(self._clock(), Reason.MODEL_DEADLINE, why, given_up=True)
            return None
        answers = call.answers
        if answers is None:  # it was closed meanwhile
            return None
        self._note(answers)
        self._most_rows *= GROWTH
        placed = rows.tolist()
        return replace(
            answers,
            rows=[placed[row] for row in answers.rows],
            blamed=[replace(blame, row=placed[blame.row]) for blame in answers.blamed],
        )

    def close(self) -> None:
        """End it. Does not wait for a call that is under way, nor for a load."""
        self._closed.set()
        self._calls.put(None)
        with self._lock:
            end, self._end = self._end, None
        if end is not None:
            end()

    def _note(self, answers: Answers) -> None:
        if answers.rows and not answers.given_up:
            self._breaker.answered()
        elif answers.blamed:
            last = answers.blamed[-1]
            self._breaker.failed(self._clock(), last.reason, last.error, given_up=answers.given_up)

    def _run(self) -> None:
        model = self._loaded()
        while model is not None and (call := self._calls.get()) is not None:
            # predict raises nothing that a model raises.
            call.answers = None if self._closed.is_set() else predict(model, call.matrix, patient=False)
            call.done.set()

    def _loaded(self) -> Model | None:
        """Tried again and again; None if it is closed before."""
        told: str | None = None
        while not self._closed.is_set():
            try:
                model, end = self._load()
            except Exception as error:  # noqa: BLE001  # whatever a version does, the one that answers goes on
                why = str(error) or type(error).__name__
                if why != told:
                    log.warning("challenger not loaded, answers go on without it", version=self.version, why=why)
                    self._on_failure(why)
                told = why
                self._closed.wait(LOAD_AGAIN_S)
                continue
            with self._lock:
                self._end = end
            if self._closed.is_set():
                self.close()
                return None
            self.model = model
            return model
        return None


def _spread(rows: int, most: float) -> NDArray[np.intp]:
    """At most so many of n rows, spread over them: neighbours may be of one sender."""
    if rows <= most:
        return np.arange(rows)
    return np.unique(np.linspace(0, rows - 1, int(most)).astype(np.intp))
