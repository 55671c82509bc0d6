"""The fallback ladder: what the model does not answer goes down the declared rungs; what none answers stays to blame.
Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from streams.feature_rows import FeatureRows
from streams.ladder.caching import CachedModel
from streams.ladder.degradation import Degradation
from streams.ladder.guarded import GuardedModel
from streams.ladder.merging import in_row_order
from streams.ladder.rungs import Rung
from streams.model_call import Answers


class Ladder:
    """Asks the model about rows, and for those that it is to blame for, and only these, the rungs in turn."""

    def __init__(self, model: GuardedModel, rungs: Sequence[Rung], cached: CachedModel | None = None) -> None:
        """`cached` is the model behind its cache, where it has one."""
        self._model, self._rungs, self._cached = model, rungs, cached

    def __call__(self, rows: FeatureRows) -> Answers:
        asked = self._model if self._cached is None else self._cached
        answers = asked.ask(rows.prepared)
        if answers.blamed:
            answers = self._down(rows, answers)
        return answers if self._cached is None else replace(answers, cache=self._cached.take_use())

    def _down(self, asked: FeatureRows, answers: Answers) -> Answers:
        why = {blame.row: blame for blame in answers.blamed}
        parts = [(answers.rows, answers.predictions)]
        degraded: dict[int, Degradation] = {}
        left = sorted(why)
        for rung in self._rungs:
            if not left:
                break
            found, predictions = rung.answer(asked.taking(left))
            rows = [left[index] for index in found]
            parts.append((rows, predictions))
            degraded.update((row, Degradation(rung.served_by, rung.version, why[row].reason)) for row in rows)
            left = [row for row in left if row not in degraded]
        # A breaker spares a model only where something else answers: no event is lost by it.
        unasked = [row for row in left if not why[row].asked]
        if unasked:
            late = self._model.ask_anyway(asked.prepared[unasked])
            parts.append(([unasked[index] for index in late.rows], late.predictions))
            blamed = {unasked[blame.row]: replace(blame, row=unasked[blame.row]) for blame in late.blamed}
            left = [row for row in left if why[row].asked or row in blamed]
            why.update(blamed)
        together = in_row_order(self._model.model, parts)
        return Answers(*together, [why[row] for row in left], degraded=degraded)
