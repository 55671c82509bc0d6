"""From what answers coded rows, and its training rows, to an artifact: what the manifest says is found out here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.calibration_fit import CalibrationFit
from models.errors import ModelError
from models.loaded import LoadedModel, in_tiles
from models.manifest import Manifest, Output, Parity, Runtime
from models.parity import make_sample, sample_rows
from models.prediction import FloatMatrix
from models.runtimes import runtime_of
from models.schema import InputSchema
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """What answers: `data` is its file, and `own_classes` its own choice of a class, as numbers, where it makes one."""

    runtime: Runtime
    data: bytes
    raw: RawPredict
    null_category: Literal["none", "nan"] = "none"
    own_classes: Callable[[FloatMatrix], NDArray[np.intp]] | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that answers but is not published: the caller builds its reference profile, then calls `files`.

    `disagreeing`: of `PROBE_ROWS` training rows (repeated where there are fewer), those that the estimator's own
    `predict` puts into another class than its probabilities and the threshold do. `why`: what decided on the runtime,
    where there was a choice. `instead`: what scikit-learn itself would cost, where it was converted. `fit`: of a
    calibration that was not given but fitted. `prequential`: of an online model, the share of training rows that it
    answered right before it learnt them.
    """

    model: LoadedModel
    estimator: bytes
    cost: TileCost
    disagreeing: int
    why: str = ""
    instead: TileCost | None = None
    fit: CalibrationFit | None = None
    prequential: float | None = None

    @property
    def manifest(self) -> Manifest:
        return self.model.manifest

    def files(self, reference: bytes) -> Mapping[str, bytes]:
        """What `Registry.publish` takes beside the manifest."""
        return {self.manifest.estimator: self.estimator, self.manifest.reference: reference}


def describe(
    answering: Answering,
    schema: InputSchema,
    output: Output,
    matrix: FloatMatrix,
    *,
    name: str,
    created: str,
    where: str,
    tile_rows: int | None = None,
    why: str = "",
    instead: TileCost | None = None,
    fit: CalibrationFit | None = None,
) -> Candidate:
    """Ask about the training rows, and write down what holds. Raises ModelError."""
    raw, runtime = answering.raw, runtime_of(answering.runtime)
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
            libraries=runtime.library_versions(),
            platform=runtime.platform_name(),
            parity=parity,
            tile_rows=tiles,
            null_category=answering.null_category,
            estimator=runtime.ESTIMATOR_FILE,
            runtime=answering.runtime,
        )
    except ValueError as error:
        raise ModelError(
            str(error), where=where, cause="an argument that a manifest cannot hold", fix="choose another"
        ) from error
    model = LoadedModel(manifest, in_tiles(manifest, raw), b"")
    own = answering.own_classes
    disagreeing = 0 if own is None else int((own(probe) != model.predict(probe).outputs[:, 1].astype(np.intp)).sum())
    return Candidate(model, answering.data, _cost(raw, probe, filler, tiles), disagreeing, why, instead, fit)


def check_answers(raw: RawPredict, matrix: FloatMatrix, columns: int, where: str) -> None:
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


def untiled_cost(raw: RawPredict, matrix: FloatMatrix) -> TileCost:
    """Of the training rows, repeated where there are fewer than `PROBE_ROWS`."""
    probe = np.ascontiguousarray(np.resize(matrix, (PROBE_ROWS, matrix.shape[1])))
    return _cost(raw, probe, np.ascontiguousarray(matrix[:1]), 0)


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
