"""A batch at the challenger of the version that answers: what it says of the same rows, and which of that is published.

The champion has answered before it is asked. Rows that the champion itself has no answer to, a rung's and dead letters,
are none of its business; those that the challenger has no answer to, or cannot prepare in its own way, are the
champion's. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drift.conduct import Conduct
from models.prediction import FloatMatrix, Model, Predictions
from streams.decide.answering import SecondAnswers
from streams.decide.canary import in_share
from streams.encoding import AnswerEncoder
from streams.feature_rows import prepare_rows
from streams.ladder.merging import in_row_order
from streams.model_call import Answers, take
from streams.pipeline import Outcomes
from streams.records import ChallengerUse, OutboxRecord, RecordBatch, pick


@dataclass(frozen=True, slots=True)
class Challenger:
    """`share` of the keys it answers in the place of `champion`, a version. `ask` does not raise, blames rows that were
    not answered in time, and gives None where the challenger is not asked; `clock`, in seconds, tells how long that
    takes. Where its challenge declares a band, `edges` are those of the bins that outputs are counted in."""

    champion: str
    model: Model
    encoder: AnswerEncoder
    share: float
    ask: Callable[[FloatMatrix], Answers | None]
    clock: Callable[[], float]
    edges: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class Contested:
    """`indices` of answered rows, rising, that the challenger answered too, as `outcomes` have it; `canary` are places
    among them, rising, whose answer is published. `was_asked`: else nothing is known of it. `waited_s`: for its answers
    alone."""

    challenger: Challenger
    indices: list[int]
    outcomes: Outcomes
    canary: list[int]
    use: ChallengerUse
    was_asked: bool
    waited_s: float

    @property
    def second(self) -> SecondAnswers:
        """What the label join is told."""
        return SecondAnswers(self.challenger.model.version, self.indices, self.outcomes.predictions.values)

    def conduct(self, outcomes: Outcomes) -> Conduct | None:
        """What drift is told of the batch, where a band is declared and the challenger was asked."""
        edges, use = self.challenger.edges, self.use
        if edges is None or not self.was_asked:
            return None
        both = (outcomes.predictions.outputs[self.indices, 0], self.outcomes.predictions.outputs[:, 0])
        counts = (np.bincount(np.searchsorted(edges, own), minlength=len(edges) + 1).tolist() for own in both)
        return Conduct(self.challenger.champion, use.answered, use.failed, *map(tuple, counts))

    def published(self, champion: Model, outcomes: Outcomes) -> Predictions:
        """Of all answered rows, in their order."""
        if not self.canary:
            return outcomes.predictions
        return in_row_order(champion, [*self._split(outcomes.predictions)])[1]

    def predictions(self, champion: AnswerEncoder, batch: RecordBatch, outcomes: Outcomes) -> list[OutboxRecord]:
        """One record an answered row, in the order of the rows."""
        rest, own = self._rest(len(outcomes.rows)), self._own()
        if not own:
            return champion.predictions(batch, outcomes)
        records = dict(zip(rest, champion.predictions(batch, outcomes.taking(rest)), strict=True))
        records |= zip(own, self.challenger.encoder.predictions(batch, self.outcomes.taking(self.canary)), strict=True)
        return [records[index] for index in range(len(outcomes.rows))]

    def repeating(
        self,
        champion: AnswerEncoder,
        batch: RecordBatch,
        outcomes: Outcomes,
        predictions: Sequence[OutboxRecord],
        duplicates: dict[int, int],
    ) -> list[OutboxRecord]:
        """As AnswerEncoder.repeating, each by the version that answered."""
        own = self._own()
        rows = {outcomes.rows[index] for index in own}
        others = {row: earlier for row, earlier in duplicates.items() if row not in rows}
        records = champion.repeating(batch, outcomes, predictions, others)
        repeated = {row: earlier for row, earlier in duplicates.items() if row in rows}
        canary = self.outcomes.taking(self.canary)
        again = self.challenger.encoder.repeating(batch, canary, [records[index] for index in own], repeated)
        for index, record in zip(own, again, strict=True):
            records[index] = record
        return records

    def _own(self) -> list[int]:
        return [self.indices[place] for place in self.canary]

    def _rest(self, answered: int) -> list[int]:
        rest = np.ones(answered, dtype=np.bool_)
        rest[self._own()] = False
        return np.flatnonzero(rest).tolist()

    def _split(self, predictions: Predictions) -> list[tuple[list[int], Predictions]]:
        rest, own = self._rest(len(predictions.values)), self._own()
        return [
            (rest, take(predictions, _among(rest, len(predictions.values)))),
            (own, take(self.outcomes.predictions, _among(self.canary, len(self.indices)))),
        ]


def contested(challenger: Challenger, batch: RecordBatch, outcomes: Outcomes) -> Contested:
    """Ask the challenger about the rows that the champion itself answered."""
    asked = [index for index, row in enumerate(outcomes.rows) if row not in outcomes.degraded]
    given = outcomes if len(asked) == len(outcomes.rows) else outcomes.taking(asked)
    rows, kept, unprepared = prepare_rows(challenger.model.preparation, given.matrix, given.computed)
    began = challenger.clock()
    answers = challenger.ask(rows.prepared) if len(rows) else None
    waited_s = challenger.clock() - began
    indices = [asked[kept[row]] for row in answers.rows] if answers else []
    own = replace(
        outcomes.taking(indices),
        predictions=answers.predictions if answers else take(outcomes.predictions, _among([], len(outcomes.rows))),
        rejections=[],
        tombstones=[],
        degraded={},
    )
    canary: list[int] = []
    if challenger.share > 0 and indices:
        # An event without a key has its id instead: else no canary would see any of them, or all at once.
        keyed = zip(pick(batch.keys, own.rows), own.event_ids, strict=True)
        keys = [key or event_id.encode() for key, event_id in keyed]
        canary = np.flatnonzero(in_share(challenger.model.name, keys, challenger.share)).tolist()
    failed = len(unprepared) + (len(answers.blamed) if answers else 0)
    use = ChallengerUse(challenger.model.version, len(indices), failed, len(asked) - len(indices) - failed, len(canary))
    was_asked = answers is not None or (not len(rows) and failed > 0)
    return Contested(challenger, indices, own, canary, use, was_asked, waited_s)


def _among(indices: Sequence[int], length: int) -> NDArray[np.bool_]:
    chosen = np.zeros(length, dtype=np.bool_)
    chosen[list(indices)] = True
    return chosen
