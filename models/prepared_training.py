"""Training rows on both sides of preprocessing, and a model that was described behind it put in front of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.declared_output import HeldOut
from models.describing import Candidate
from models.errors import ModelError
from models.keyed.training import TimedRows, keyed_of_rows
from models.loaded import LoadedModel
from models.parity import make_sample, sample_rows
from models.prediction import FloatMatrix
from models.preprocessing.admitting import admitting, without_place
from models.preprocessing.computed import EVENT_TIME, Computed, computed_inputs, input_matrix, of_times
from models.preprocessing.declared import Preprocessing
from models.preprocessing.fitting import fit
from models.preprocessing.preparation import Preparation, Prepared
from models.schema import Feature, InputSchema


@dataclass(frozen=True, slots=True)
class PreparedTraining:
    """n rows: `inputs` (n x the model's inputs) and `matrix` (n x the estimator's columns). `schema` has the features
    that events bring, with what preprocessing lets in. `rows` are these as they were given, where they are a
    file's."""

    schema: InputSchema
    preprocessing: Preprocessing
    preparation: Preparation
    inputs: FloatMatrix
    matrix: FloatMatrix
    rows: TimedRows | None = None

    def prepare(self, others: TimedRows, where: str) -> Prepared:
        """Other rows of the same stream as the estimator takes them. Raises ModelError."""
        require_times(self.preparation.computed, others.times_ms, where)
        keyed = keyed_of_rows(self.preprocessing.keyed, self.schema, others, beside=self.rows, where=where)
        return self.preparation(self.preparation.inputs_of(others.features, {**of_own_times(others.times_ms), **keyed}))


def prepare_training(
    preprocessing: Preprocessing,
    schema: InputSchema,
    features: FloatMatrix,
    times_ms: NDArray[np.int64] | None,
    *,
    keys: Sequence[bytes | None] | None = None,
    where: str,
) -> PreparedTraining:
    """Fit the preprocessing on training rows (n x features, coded), and apply it to them. `keys`: what would be the
    Kafka key of each. Raises ModelError."""
    wanted = computed_inputs(preprocessing)
    rows = TimedRows(features, times_ms, keys)
    _check_shapes(rows, schema, where)
    require_times(wanted, times_ms, where)
    try:
        wider = admitting(schema, preprocessing)
        keyed = keyed_of_rows(preprocessing.keyed, wider, rows, where=where)
        inputs = input_matrix(features, wanted, {**of_own_times(times_ms), **keyed})
        fitted = fit(preprocessing, wider, inputs) if preprocessing else preprocessing
        preparation = Preparation(wider, fitted)
        exposed = without_place(schema, preparation, fitted)
    except ValueError as error:
        raise ModelError(
            f"preprocessing does not fit the training rows: {error}",
            where=where,
            cause="a column of another name or kind, or rows that a step has no answer for",
            fix="correct the step that is named; each is taken on what the ones before it left",
        ) from error
    if exposed:
        raise ModelError(
            f"nulls or unseen categories that no training row had would reach the estimator: {', '.join(exposed)}",
            where=where,
            cause="a step has a place for them, so events may bring them; but these columns are, or come from, the "
            "feature as it was before that step",
            fix="impute before other steps read the feature; write no `into`, or leave the feature out of `columns`",
        )
    return PreparedTraining(wider, fitted, preparation, inputs, preparation(inputs).matrix, rows)


def prepare_held_out(held_out: HeldOut, training: PreparedTraining) -> HeldOut:
    """Held-out rows as the estimator takes them, without those that preprocessing has no answer for. Raises
    ModelError."""
    prepared = training.prepare(TimedRows(held_out.matrix, held_out.times_ms, held_out.keys), "held-out rows")
    kept = prepared.kept
    return HeldOut(
        prepared.matrix[kept],
        [held_out.target[row] for row in kept],
        held_out.refused + len(prepared.failures),
    )


def behind(training: PreparedTraining, candidate: Candidate) -> Candidate:
    """A model of prepared rows as one of the features that events bring: its sample of answers begins with these."""
    if not training.preprocessing:
        return candidate
    rows = sample_rows(training.inputs)
    expected = candidate.manifest.parity_sample.expected
    manifest = msgspec.structs.replace(
        candidate.manifest,
        schema=training.schema,
        preprocessing=training.preprocessing,
        parity_sample=make_sample(rows, np.array(expected, dtype=np.float64)),
    )
    model = LoadedModel(manifest, candidate.model.predict_raw, candidate.model.reference)
    return dataclasses.replace(candidate, model=model)


def of_own_times(times_ms: NDArray[np.int64] | None) -> Computed:
    """What is computed of rows of a file, which may have no times."""
    return {} if times_ms is None else of_times(times_ms)


def _check_shapes(rows: TimedRows, schema: InputSchema, where: str) -> None:
    n, width = len(rows.features), len(schema.features)
    if np.shape(rows.features) != (n, width):
        shape = " x ".join(map(str, np.shape(rows.features)))
        raise ModelError(
            f"training rows are {shape}, n x {width} are due",
            where=where,
            cause="the matrix and the schema were made of different columns",
            fix=f"give one column a feature, in the order of the schema: {', '.join(schema.names[:30])}",
        )
    for what, found in (("times_ms", rows.times_ms), ("keys", rows.keys)):
        if found is not None and len(found) != n:
            raise ModelError(
                f"{len(found)} {what} for {n} training rows",
                where=where,
                cause="they were made of different rows",
                fix="give one a row, in the same order",
            )


def require_times(computed: Sequence[Feature], times_ms: NDArray[np.int64] | None, where: str) -> None:
    """Raises ModelError where rows without times lack what is computed of them."""
    if times_ms is None and any(feature.name == EVENT_TIME for feature in computed):
        raise ModelError(
            "preprocessing reads the event's own time, and these rows have none",
            where=where,
            cause=f"a step reads {EVENT_TIME}",
            fix="name the column with the times with --time (in Python: times_ms)",
        )
