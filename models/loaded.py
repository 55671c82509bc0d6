"""A model ready to answer."""

from __future__ import annotations

import functools

from models.answers import output_signals, to_predictions
from models.artifact import Artifact
from models.errors import ModelError
from models.keyed.steps import KeyedSteps
from models.manifest import Manifest, Parity
from models.parity import check_parity, coded_rows
from models.prediction import FloatMatrix, Predictions
from models.preprocessing.preparation import Preparation
from models.runtimes import runtime_of, same_environment
from models.schema import Feature, InputSchema
from models.tiles import RawPredict, predict_in_tiles


class LoadedModel:
    """`models.prediction.Model` of any runtime: a manifest and a way to ask the estimator, here or in another process.

    `predict_raw` gives the estimator's own numbers: n x classes probabilities, or n x 1. `reference` is the artifact's
    reference profile, checked and not interpreted here.
    """

    def __init__(self, manifest: Manifest, predict_raw: RawPredict, reference: bytes) -> None:
        self.manifest = manifest
        self.predict_raw = predict_raw
        self.reference = reference
        self._signals = output_signals(manifest.output)
        self._preparation = manifest.preparation
        self._keyed = manifest.keyed

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def version(self) -> str:
        return self.manifest.version

    @property
    def schema(self) -> InputSchema:
        return self.manifest.schema

    @property
    def preparation(self) -> Preparation:
        return self._preparation

    @property
    def keyed(self) -> KeyedSteps | None:
        return self._keyed

    @property
    def classes(self) -> tuple[str, ...]:
        return self.manifest.output.names

    @property
    def output_signals(self) -> tuple[Feature, ...]:
        return self._signals

    def predict(self, matrix: FloatMatrix) -> Predictions:
        """Answers for n prepared rows (n x the estimator's columns). Raises what the estimator raises."""
        return to_predictions(self.manifest.output, self.predict_raw(matrix))


def in_tiles(manifest: Manifest, raw: RawPredict) -> RawPredict:
    """`raw` asked as the manifest says: in tiles of its size, filled up with the first row of its parity sample."""
    filler = manifest.preparation(coded_rows(manifest.parity_sample)[:1]).matrix
    return functools.partial(predict_in_tiles, raw, tile_rows=manifest.tile_rows, filler=filler)


def load_model(artifact: Artifact, where: str) -> LoadedModel:
    """A model from checked bytes: library versions, types and parity are checked here. Raises ModelError."""
    manifest = artifact.manifest
    runtime = runtime_of(manifest.runtime)
    runtime.check_versions(manifest.libraries, where)
    try:
        raw = runtime.load_raw(manifest, artifact.files[manifest.estimator], where)
        model = LoadedModel(manifest, in_tiles(manifest, raw), artifact.files[manifest.reference])
        answers = model.predict_raw(_prepared_sample(model, where))
    except ModelError:
        raise
    except Exception as error:  # any estimator, any fault
        raise ModelError(
            f"the estimator fails on its own parity sample: {type(error).__name__}: {str(error)[:300]}",
            where=where,
            cause="the estimator does not fit the manifest, or needs what is not installed here",
            fix="add the model again",
        ) from error
    exact = manifest.parity is Parity.BITS and same_environment(runtime, manifest)
    check_parity(manifest.parity_sample, answers, tolerance=0.0 if exact else runtime.TOLERANCE, where=where)
    return model


def _prepared_sample(model: LoadedModel, where: str) -> FloatMatrix:
    prepared = model.preparation(coded_rows(model.manifest.parity_sample))
    if prepared.failures:
        raise ModelError(
            f"preprocessing fails on its own parity sample: {next(iter(prepared.failures.values()))}",
            where=where,
            cause="the manifest was put together by hand, or its preprocessing computes otherwise here",
            fix="add the model again",
        )
    return prepared.matrix
