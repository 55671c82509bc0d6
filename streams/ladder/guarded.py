"""A model behind its breaker. Pure: the clock is an argument."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.prediction import FloatMatrix, Model
from streams.ladder.breaker import PROBE_ROWS, Breaker, State
from streams.ladder.merging import merged
from streams.model_call import Answers, Blame, no_predictions, predict


class GuardedModel:
    """Asks the model as the breaker allows. Rows that it was not asked about are blamed as not asked, with the reason
    for which the breaker opened. Without a breaker it is always asked."""

    def __init__(self, model: Model, breaker: Breaker | None, clock: Callable[[], float]) -> None:
        self.model, self._breaker, self._clock = model, breaker, clock

    @property
    def healthy(self) -> bool:
        return self._breaker is None or self._breaker.state is State.CLOSED

    def ask(self, matrix: FloatMatrix) -> Answers:
        """Answers, or blames."""
        if self._breaker is None or not len(matrix):
            return predict(self.model, matrix)
        match self._breaker.admit(self._clock()):
            case State.CLOSED:
                return self.ask_anyway(matrix)
            case State.OPEN:
                return self._unasked(range(len(matrix)))
        # Spread over the batch: neighbours may be of one sender, and all to blame.
        probe = np.unique(np.linspace(0, len(matrix) - 1, PROBE_ROWS).astype(np.intp)).tolist()
        chosen = set(probe)
        rest = [row for row in range(len(matrix)) if row not in chosen]
        tried = self.ask_anyway(matrix[probe])
        if not rest:
            return tried
        other = self.ask_anyway(matrix[rest]) if self.healthy else self._unasked(range(len(rest)))
        return merged(self.model, [(probe, tried), (rest, other)])

    def ask_anyway(self, matrix: FloatMatrix) -> Answers:
        """Answers, or blames, whatever the breaker says; it takes note of what comes of it."""
        answers = predict(self.model, matrix, patient=self._breaker is None)
        if self._breaker is not None:
            if answers.rows and not answers.given_up:
                self._breaker.answered()
            elif answers.blamed:
                last = answers.blamed[-1]
                self._breaker.failed(self._clock(), last.reason, last.error, given_up=answers.given_up)
        return answers

    def _unasked(self, rows: range) -> Answers:
        assert self._breaker is not None
        reason, why = self._breaker.reason, f"not asked, the circuit is open: {self._breaker.why}"
        blamed = [Blame(row, reason, why, asked=False) for row in rows]
        return Answers([], no_predictions(len(self.model.output_signals)), blamed)
