"""What answers in the model's place: each rung says which rows it has an answer for. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.answers import without_probability
from models.manifest import Output
from models.prediction import FloatMatrix, Predictions
from streams.contracts import ServedBy
from streams.feature_rows import FeatureRows, prepare_rows
from streams.ladder.cache import AnswerCache
from streams.ladder.guarded import GuardedModel


class Rung(Protocol):
    """One way to answer."""

    @property
    def served_by(self) -> ServedBy: ...

    @property
    def version(self) -> str:
        """The version that it answers for."""
        ...

    def answer(self, rows: FeatureRows) -> tuple[list[int], Predictions]:
        """The rows that it has an answer for, rising, and the answers."""
        ...


class PreviousRung:
    """The version that answered before, which prepares the rows in its own way."""

    served_by = ServedBy.PREVIOUS

    def __init__(self, previous: GuardedModel) -> None:
        self._previous = previous
        self.version = previous.model.version

    def answer(self, rows: FeatureRows) -> tuple[list[int], Predictions]:
        own, kept, _ = prepare_rows(self._previous.model.preparation, rows.features, rows.computed)
        answers = self._previous.ask(own.prepared)
        return [kept[row] for row in answers.rows], answers.predictions


class CacheRung:
    """What the version answered lately to the very same prepared features."""

    served_by = ServedBy.CACHE

    def __init__(self, cache: AnswerCache, version: str, clock: Callable[[], float]) -> None:
        self._cache, self.version, self._clock = cache, version, clock

    def answer(self, rows: FeatureRows) -> tuple[list[int], Predictions]:
        return self._cache.find(rows.prepared, self._clock())


class StatedRung:
    """A rule or a default answer. `state` gives n labels (as indices) or numbers for n rows, NaN where it has none."""

    def __init__(
        self, served_by: ServedBy, version: str, output: Output, state: Callable[[FloatMatrix], NDArray[np.float64]]
    ) -> None:
        self.served_by, self.version = served_by, version
        self._output, self._state = output, state

    def answer(self, rows: FeatureRows) -> tuple[list[int], Predictions]:
        stated = self._state(rows.features)
        known = np.isfinite(stated)
        return np.flatnonzero(known).tolist(), without_probability(self._output, stated[known])
