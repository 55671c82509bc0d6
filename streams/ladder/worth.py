"""Whether a cache pays: what looking rows up costs against what the model costs for the rows found. Pure."""

from __future__ import annotations

CLEARLY = 1.2
"""So many times the cost of looking up the saving must be, for a cache that is off to go on."""

MEASURED_BATCHES = 8
"""Before the first judgement, and in the memory of costs: an exponential mean over about so many."""

TRIAL_EVERY = 64
"""Of a cache that is off, so that it is noticed when it would pay: a batch looked up in so many."""


class CacheWorth:
    """Judges by seconds a row as measured on live batches."""

    def __init__(self) -> None:
        self.pays = True
        self._batches = self._rested = 0
        self._look_s = self._model_s = self._hit_ratio = 0.0

    def look_up(self) -> bool:
        """Whether to look the next batch up."""
        if self.pays:
            return True
        self._rested += 1
        return self._rested % TRIAL_EVERY == 0

    def asked(self, rows: int, seconds: float) -> None:
        """The model answered rows, all of them."""
        if rows:
            self._model_s = self._mean(self._model_s, seconds / rows)

    def looked_up(self, rows: int, hits: int, seconds: float) -> None:
        """Rows were looked up, and what was not found was stored."""
        self._look_s = self._mean(self._look_s, seconds / rows)
        self._hit_ratio = self._mean(self._hit_ratio, hits / rows)
        self._batches += 1
        if self._batches < MEASURED_BATCHES:
            return
        saved = self._hit_ratio * self._model_s
        self.pays = saved > self._look_s * (1.0 if self.pays else CLEARLY)

    def _mean(self, mean: float, value: float) -> float:
        weight = 1.0 / min(self._batches + 1, MEASURED_BATCHES)
        return mean + weight * (value - mean)
