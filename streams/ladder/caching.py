"""A model behind the cache of its own answers: looked up first where that pays, filled in any case. Pure."""

from __future__ import annotations

from collections.abc import Callable

from models.prediction import FloatMatrix
from streams.ladder.cache import AnswerCache
from streams.ladder.degradation import CacheUse
from streams.ladder.guarded import GuardedModel
from streams.ladder.merging import merged
from streams.ladder.worth import CacheWorth
from streams.model_call import Answers, sliced

SAMPLE_ROWS = 256
"""Of a batch that was not looked up so many are stored, others each time: the frequent ones get in."""


class CachedModel:
    """Looks rows up only while the model is healthy: what comes out is then the model's own answer, to the bit."""

    def __init__(
        self, model: GuardedModel, cache: AnswerCache, worth: CacheWorth | None, clock: Callable[[], float]
    ) -> None:
        """`worth` None: rows are never looked up, only stored (answers of this model depend on their batch)."""
        self._model, self._cache, self._worth, self._clock = model, cache, worth, clock
        self._turn = 0

    def ask(self, matrix: FloatMatrix) -> Answers:
        """The model's answers, some of them from the cache."""
        if len(matrix) and self._model.healthy and self._worth is not None and self._worth.look_up():
            return self._looked_up(matrix, self._worth)
        began = self._clock()
        answers = self._model.ask(matrix)
        if self._worth is not None and not answers.blamed:
            self._worth.asked(len(matrix), self._clock() - began)
        self._store_sample(matrix, answers)
        return answers

    def take_use(self) -> CacheUse:
        """What the cache was used for since the last time, by whom ever."""
        return self._cache.take_use()

    def _looked_up(self, matrix: FloatMatrix, worth: CacheWorth) -> Answers:
        began = self._clock()
        hits, found = self._cache.find(matrix, began)
        known = set(hits)
        missing = [row for row in range(len(matrix)) if row not in known]
        rest = matrix[missing] if hits else matrix
        found_at = self._clock()
        if not missing:
            worth.looked_up(len(matrix), len(hits), found_at - began)
            return Answers(hits, found, [])
        answers = self._model.ask(rest)
        answered_at = self._clock()
        self._cache.put(rest if not answers.blamed else rest[answers.rows], answers.predictions, answered_at)
        if not answers.blamed:
            worth.asked(len(missing), answered_at - found_at)
        if hits:
            from_cache = Answers(list(range(len(hits))), found, [])
            answers = merged(self._model.model, [(hits, from_cache), (missing, answers)])
        worth.looked_up(len(matrix), len(hits), self._clock() - answered_at + found_at - began)
        return answers

    def _store_sample(self, matrix: FloatMatrix, answers: Answers) -> None:
        step = max(1, len(answers.rows) // SAMPLE_ROWS)
        self._turn += 1
        chosen = slice(self._turn % step, None, step)
        predictions = answers.predictions
        self._cache.put(matrix[answers.rows[chosen]], sliced(predictions, chosen), self._clock())
