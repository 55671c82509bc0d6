"""From a fitted estimator and its training rows to an artifact: what the manifest says is found out here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from models.coding import object_matrix
from models.errors import ModelError
from models.estimator_parts import null_is_nan
from models.estimator_task import check_target, check_width, make_output, task_of, tuned_threshold
from models.loaded import LoadedModel, in_tiles
from models.manifest import Manifest, Parity, Task
from models.parity import make_sample, sample_rows
from models.prediction import FloatMatrix, Label
from models.runtime_sklearn import library_versions, load_estimator, platform_name, raw_predict
from models.schema import InputSchema, Kind
from models.tiles import RawPredict, depends_on_place, predict_in_tiles

TILE_ROWS = 1024
"""Measured on 8,192 rows of 10 features: 0.6 to 2.8 ms in tiles of 1,024 against 0.1 to 2.4 ms at once for linear
models and small networks, the only ones found to need tiles; 2.5 to 9 ms in tiles of 256."""

PROBE_ROWS = 8192
"""As many as a worker takes at once by default."""


@dataclass(frozen=True, slots=True)
class TileCost:
    """Rows per second, at once and as the manifest says, and the seconds that a batch of one row takes."""

    whole_rows_per_s: float
    tiled_rows_per_s: float
    one_row_s: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that answers but is not published: the caller builds its reference profile, then calls `files`.

    `disagreeing`: of `PROBE_ROWS` training rows (repeated where there are fewer), those that the estimator's own
    `predict` puts into another class than its probabilities and the threshold do.
    """

    model: LoadedModel
    estimator: bytes
    cost: TileCost
    disagreeing: int

    @property
    def manifest(self) -> Manifest:
        return self.model.manifest

    def files(self, reference: bytes) -> Mapping[str, bytes]:
        """What `Registry.publish` takes beside the manifest."""
        return {self.manifest.estimator: self.estimator, self.manifest.reference: reference}


def make_candidate(
    estimator_bytes: bytes,
    schema: InputSchema,
    matrix: FloatMatrix,
    *,
    name: str,
    created: str,
    where: str,
    target: Sequence[Label | None] | None = None,
    threshold: float | None = None,
    decimals: int | None = None,
    class_scores: bool = False,
    labels: Mapping[str, Label] | None = None,
    tile_rows: int | None = None,
) -> Candidate:
    """Load the estimator as a worker will, ask it about its training rows, and describe it.

    `matrix` is n x features, coded. `labels` maps a class (as text) to the label to publish. `tile_rows` None: 0 when
    answers do not depend on the batch, else `TILE_ROWS`. Raises ModelError.
    """
    estimator = load_estimator(estimator_bytes, where)
    check_width(estimator, schema, where)
    null_category: Literal["none", "nan"] = "nan" if null_is_nan(estimator) else "none"
    task, classes = task_of(estimator, where)
    check_target(classes, target, where)
    output = make_output(
        task,
        classes,
        labels or {},
        threshold=tuned_threshold(estimator) if threshold is None and task is Task.BINARY else threshold,
        decimals=decimals,
        class_scores=class_scores,
        where=where,
    )
    raw = raw_predict(estimator, schema, task, null_category)
    _check_answers(raw, matrix, max(1, len(classes)), where)
    probe, filler = np.ascontiguousarray(np.resize(matrix, (PROBE_ROWS, matrix.shape[1]))), matrix[:1]
    tiles, parity = _tiling(raw, probe, filler, tile_rows)
    rows = sample_rows(matrix)
    try:
        manifest = Manifest(
            name=name,
            version="1",  # the registry sets it
            created=created,
            schema=schema,
            output=output,
            parity_sample=make_sample(rows, predict_in_tiles(raw, rows, tiles, filler)),
            libraries=library_versions(),
            platform=platform_name(),
            parity=parity,
            tile_rows=tiles,
            null_category=null_category,
        )
    except ValueError as error:
        raise ModelError(
            str(error), where=where, cause="an argument that a manifest cannot hold", fix="choose another"
        ) from error
    model = LoadedModel(manifest, in_tiles(manifest, raw), b"")
    return Candidate(
        model,
        estimator_bytes,
        _cost(raw, probe, filler, tiles),
        _disagreeing(estimator, model, probe) if classes else 0,
    )


def _check_answers(raw: RawPredict, matrix: FloatMatrix, columns: int, where: str) -> None:
    """Raises ModelError unless every training row gets finite numbers, one a class or one a row."""
    for start in range(0, len(matrix), PROBE_ROWS):
        try:
            answers = raw(np.ascontiguousarray(matrix[start : start + PROBE_ROWS]))
        except Exception as error:  # any estimator, any fault
            raise ModelError(
                f"the estimator fails on its training rows: {type(error).__name__}: {str(error)[:300]}",
                where=where,
                cause="it was fitted on other columns, types or nulls than the training data has, or needs data frames",
                fix="give the very rows it was fitted on; fit on numbers, strings and booleans",
            ) from error
        finite = np.isfinite(answers).all(axis=1)
        if answers.shape[1] != columns or not finite.all():
            raise ModelError(
                f"the estimator gives {answers.shape[1]} numbers a row, {int((~finite).sum())} rows not finite",
                where=where,
                cause="several outputs, or an estimator that is not sound on its training rows",
                fix=f"fit one output; {columns} finite numbers a row are due",
            )


def _tiling(raw: RawPredict, probe: FloatMatrix, filler: FloatMatrix, tile_rows: int | None) -> tuple[int, Parity]:
    """The smallest promise that holds: whole batches, or tiles, or equal within rounding only."""
    for rows in (0, TILE_ROWS) if tile_rows is None else (tile_rows,):
        if not depends_on_place(raw, probe, rows, filler):
            return rows, Parity.BITS
    return tile_rows or 0, Parity.TOLERANCE


def _disagreeing(estimator: Any, model: LoadedModel, probe: FloatMatrix) -> int:
    """How many rows get another class from scores and threshold than from the estimator's own `predict`."""
    schema, manifest = model.schema, model.manifest
    null = float("nan") if manifest.null_category == "nan" else None
    coded = any(feature.kind is Kind.CATEGORY for feature in schema.features)
    own = estimator.predict(object_matrix(schema, probe, null) if coded else probe)
    ours = np.asarray(estimator.classes_)[model.predict(probe).outputs[:, 1].astype(np.intp)]
    return int((np.asarray(own) != ours).sum())


def _cost(raw: RawPredict, probe: FloatMatrix, filler: FloatMatrix, tile_rows: int) -> TileCost:
    whole = _seconds(lambda: raw(probe))
    tiled = whole if tile_rows == 0 else _seconds(lambda: predict_in_tiles(raw, probe, tile_rows, filler))
    one = _seconds(lambda: predict_in_tiles(raw, filler, tile_rows, filler))
    return TileCost(PROBE_ROWS / whole, PROBE_ROWS / tiled, one)


def _seconds(call: Callable[[], object]) -> float:
    """The shortest of three runs; of one, when it is long."""
    shortest = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        call()
        shortest = min(shortest, time.perf_counter() - start)
        if shortest > 0.5:
            break
    return shortest
