"""A piece of a file, answered: the same pipeline as for events, and nothing that depends on other pieces. Pure.

So a piece that is done again, in another process or after a kill, gives the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa

from models.manifest import Manifest
from models.prediction import Model
from models.preprocessing.computed import EVENT_TIME
from streams.backfill.answers import AnswerFormat, answer_batch, answer_schema, encoded, rejected_lines
from streams.backfill.kept import with_kept
from streams.backfill.rows import Rows
from streams.contracts import STAGE_OF
from streams.ladder.building import make_ladder
from streams.limits import Limits, UnknownFeatures
from streams.pipeline import Outcomes, Pipeline, Rejection

ROWS_AT_ONCE = 8192
"""As large as a worker's batches may get."""

NO_TIME, NOT_TOLD = -1, 0
"""As the timestamp of a record: a row needs a time of its own, or no answer depends on it."""

UNBOUNDED = 1 << 40
"""Seconds; more than any two times are apart."""

ReadRows: TypeAlias = Callable[[bytes, int], Rows]


class Counts(msgspec.Struct, frozen=True):
    """What became of rows. `rejected` by reason, `served_by` by rung."""

    rows: int = 0
    answered: int = 0
    rejected: dict[str, int] = msgspec.field(default_factory=dict)
    served_by: dict[str, int] = msgspec.field(default_factory=dict)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.rows + other.rows,
            self.answered + other.answered,
            _sum(self.rejected, other.rejected),
            _sum(self.served_by, other.served_by),
        )


@dataclass(frozen=True, slots=True)
class AnsweredPiece:
    """Bytes to put behind those of the pieces before it, and the counts."""

    answers: bytes
    rejected: bytes
    counts: Counts


class PieceAnswering:
    """Answers pieces with one model, of which `manifest` is."""

    def __init__(
        self,
        model: Model,
        manifest: Manifest,
        limits: Limits,
        unknown_features: UnknownFeatures,
        read_rows: ReadRows,
        form: AnswerFormat,
        kept: Any = None,
    ) -> None:
        """`kept`: the Arrow schema of the columns that rows bring to be carried over."""
        self._model, self._manifest, self._unknown_features = model, manifest, unknown_features
        # A row of a file was not recorded at some time that its own could be ahead of.
        self._limits = replace(limits, max_ahead_s=UNBOUNDED)
        self._read_rows, self._form = read_rows, form
        self._schema = answer_schema(manifest)
        self._kept = kept
        wants_time = any(feature.name == EVENT_TIME for feature in model.preparation.inputs)
        self._timestamp = NO_TIME if wants_time else NOT_TOLD

    def __call__(self, payload: bytes, first_row: int) -> AnsweredPiece:
        """`first_row`: how many rows of the file come before the piece."""
        rows = self._read_rows(payload, first_row)
        pipeline = self._pipeline()
        answers, rejected, counts = [], [], Counts()
        for begin in range(0, len(rows), ROWS_AT_ONCE):
            outcomes = _answered(pipeline, rows, range(begin, min(begin + ROWS_AT_ONCE, len(rows))), self._timestamp)
            if outcomes.rows:
                answers.append(
                    encoded(
                        self._with_kept(answer_batch(self._schema, self._manifest, outcomes), rows, outcomes),
                        self._form,
                    )
                )
            rejected.append(rejected_lines(rows, first_row, outcomes.rejections))
            counts += _counts(outcomes)
        return AnsweredPiece(b"".join(answers), b"".join(rejected), counts)

    def _with_kept(self, batch: Any, rows: Rows, outcomes: Outcomes) -> Any:
        if not rows.kept:
            return batch
        places = pa.array(outcomes.rows, pa.int64())
        columns = [*batch.columns, *(column.take(places) for column in rows.kept)]
        return pa.record_batch(columns, schema=with_kept(self._schema, self._kept))

    def _pipeline(self) -> Pipeline:
        """A new one a piece: a cache of answers that other pieces filled would make one depend on the other."""
        manifest, answer = self._manifest, None
        if manifest.fallback:
            # Without a breaker the model is asked about every row. It has no clock: time decides nothing.
            answer = make_ladder(self._model, manifest, previous=None, clock=lambda: 0.0, breaker=None)
        return Pipeline(self._model, self._limits, self._unknown_features, answer=answer)


def _answered(pipeline: Pipeline, rows: Rows, wanted: range, timestamp: int) -> Outcomes:
    asked = [row for row in wanted if row not in rows.refused]
    read = pipeline.read([rows.values[row] for row in asked], [timestamp] * len(asked)).at(asked)
    refused = [(row, *rows.refused[row]) for row in wanted if row in rows.refused]
    return pipeline.answer(
        read.refusing(Rejection(row, STAGE_OF[reason], reason, error) for row, reason, error in refused)
    )


def _counts(outcomes: Outcomes) -> Counts:
    by_rung = Counter(str(how.served_by) for how in outcomes.degraded.values())
    by_model = len(outcomes.rows) - by_rung.total()
    return Counts(
        len(outcomes.rows) + len(outcomes.rejections),
        len(outcomes.rows),
        dict(Counter(str(rejection.reason) for rejection in outcomes.rejections)),
        {**({"model": by_model} if by_model else {}), **by_rung},
    )


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return dict(sorted((Counter(one) + Counter(other)).items()))
