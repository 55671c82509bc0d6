"""Where a model and its reference profile meet: the model's answers on its training rows, profiled by drift."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from drift.calibration import calibrated
from drift.profile import ProfileError, ReferenceProfile, Role, SignalSpec, build_profile, decode_profile
from models.adding import make_candidate
from models.adding_onnx import make_onnx_candidate
from models.adding_river import make_river_candidate
from models.calibration import Calibration, Method
from models.calibration_fit import CalibrationFit
from models.declared_output import NOTHING_DECLARED, DeclaredOutput, HeldOut
from models.describing import Candidate, TileCost
from models.errors import ModelError
from models.estimator_file import read_estimator_file
from models.estimator_task import feature_names
from models.fallback import NO_FALLBACK, Fallback
from models.held_out import read_held_out
from models.loaded import LoadedModel
from models.manifest import Clip, Manifest
from models.online.declaration import SUFFIX as ONLINE_SUFFIX
from models.online.declaration import read_declaration
from models.onnx_file import SUFFIX as ONNX_SUFFIX
from models.onnx_file import read_onnx_file
from models.onnx_graph import check_onnx
from models.onnx_inputs import column_names
from models.prediction import FloatMatrix, Label, Model
from models.prepared_training import PreparedTraining, behind, prepare_held_out, prepare_training
from models.preprocessing.declared import NO_PREPROCESSING, Preprocessing
from models.preprocessing_file import NOTHING_PREPROCESSED, DeclaredPreprocessing
from models.registry import Registry
from models.runtime_choice import RuntimeOption
from models.schema import Feature, InputSchema
from models.training_data import TrainingData, read_training
from models.trusted import load_trusted, save_estimator

_ROWS_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class Publishable:
    """A model and its reference profile, ready to publish."""

    candidate: Candidate
    reference: bytes
    rows: int


@dataclass(frozen=True, slots=True)
class Added:
    """A published version. `disagreeing` to `prequential`: see `models.describing.Candidate`."""

    manifest: Manifest
    path: Path
    active: bool
    rows: int
    cost: TileCost
    disagreeing: int
    why: str
    instead: TileCost | None
    fit: CalibrationFit | None
    prequential: float | None


def reference_profile(model: Model, training: PreparedTraining, times_ms: NDArray[np.int64] | None = None) -> bytes:
    """The encoded profile of training rows, their features as events bring them, and of the model's answers to them."""
    roles: tuple[tuple[Role, tuple[Feature, ...]], ...] = (
        ("feature", model.schema.features),
        ("output", model.output_signals),
    )
    specs = [
        SignalSpec(name=feature.name, kind=feature.kind.value, role=role, categories=feature.categories)
        for role, features in roles
        for feature in features
    ]
    prepared = training.matrix
    answers = [
        model.predict(prepared[at : at + _ROWS_AT_ONCE]).outputs for at in range(0, len(prepared), _ROWS_AT_ONCE)
    ]
    features = training.inputs[:, : len(model.schema.features)]
    rows = np.hstack([features, np.concatenate(answers)])
    return profile_of(specs, rows, times_ms, where=f"training rows of {model.name}").encode()


def profile_of(
    specs: Sequence[SignalSpec], matrix: FloatMatrix, times_ms: NDArray[np.int64] | None, *, where: str
) -> ReferenceProfile:
    """The profile of reference rows (n x specs, coded). Raises ModelError."""
    try:
        return calibrated(build_profile(list(specs), matrix, times_ms), matrix, times_ms)
    except ProfileError as error:
        raise ModelError(
            f"no reference profile can be built: {error}",
            where=where,
            cause="a column without values, or rows and times of different number",
            fix="give the rows the model was trained on",
        ) from error


def check_reference(model: LoadedModel) -> None:
    """Raises ModelError when the model's reference profile is none that drift reads, or of other signals."""
    due = [*(feature.name for feature in model.schema.features), *(signal.name for signal in model.output_signals)]
    try:
        found = [signal.name for signal in decode_profile(model.reference).signals]
        if found != due:
            raise ProfileError(f"it describes {', '.join(found)}, the model has {', '.join(due)}")
    except ProfileError as error:
        raise ModelError(
            f"the reference profile does not fit: {error}",
            where=f"{model.name} {model.version}, {model.manifest.reference}",
            cause="added by another release of Weir, or put together by hand",
            fix="add the model again with its training data",
        ) from error


def make_publishable(
    estimator_file: Path,
    name: str,
    training_file: Path,
    *,
    target: str | None = None,
    time: str | None = None,
    key: str | None = None,
    trust: bool = False,
    runtime: RuntimeOption = "auto",
    declared: DeclaredOutput = NOTHING_DECLARED,
    preprocessing: DeclaredPreprocessing = NOTHING_PREPROCESSED,
) -> Publishable:
    """Everything of `add_model` but the publishing. Raises ModelError."""
    where = str(estimator_file)
    names: Sequence[str] | None = None
    if estimator_file.suffix.lower() == ONLINE_SUFFIX:
        if runtime != "auto":
            raise ModelError(
                "an online model is served by its own parameters only",
                where=where,
                cause=f"--runtime {runtime} was asked for",
                fix="leave --runtime out, or give a fitted estimator",
            )
        make: Callable[..., Candidate] = functools.partial(make_river_candidate, read_declaration(estimator_file))
    elif estimator_file.suffix.lower() == ONNX_SUFFIX:
        if runtime == "sklearn":
            raise ModelError(
                "an ONNX file is served by ONNX Runtime only",
                where=where,
                cause="--runtime sklearn was asked for",
                fix="leave --runtime out, or give the scikit-learn estimator",
            )
        data = read_onnx_file(estimator_file)
        names = column_names(check_onnx(data, where))
        make = functools.partial(make_onnx_candidate, data)
    else:
        data = read_estimator_file(estimator_file, trust=trust)
        names = feature_names(load_trusted(data, where))
        make = functools.partial(make_candidate, data, runtime=runtime)
    wanted = preprocessing.for_estimator(names)
    # What the estimator knows by name are prepared columns: only without preprocessing they are the file's.
    features = preprocessing.features_beside(target, time) if wanted else names
    training = read_training(training_file, target=target, time=time, key=key, features=features)
    rows = prepare_training(
        wanted, training.schema, training.matrix, training.times_ms, keys=training.keys, where=preprocessing.where
    )
    candidate = make(
        rows.preparation.outputs,
        rows.matrix,
        name=name,
        created=_now(),
        where=where,
        target=training.target,
        declared=declared,
        held_out=_held_out(declared, training, rows, target, time, key),
    )
    candidate = behind(rows, candidate)
    return Publishable(candidate, reference_profile(candidate.model, rows, training.times_ms), len(rows.matrix))


def _held_out(
    declared: DeclaredOutput,
    training: TrainingData,
    rows: PreparedTraining,
    target: str | None,
    time: str | None,
    key: str | None,
) -> HeldOut | None:
    if declared.calibration_data is None:
        return None
    # A file of held-out rows needs the columns that something is computed from, and no others.
    time, key = (time if rows.preparation.computed else None), (key if None in rows.preprocessing.keyed.by else None)
    own = replace(training, schema=rows.schema)
    read = read_held_out(Path(declared.calibration_data), own, target, time, key)
    return prepare_held_out(read, rows)


def add_model(
    registry_root: Path,
    estimator_file: Path,
    name: str,
    training_file: Path,
    *,
    version: str | None = None,
    target: str | None = None,
    time: str | None = None,
    key: str | None = None,
    trust: bool = False,
    runtime: RuntimeOption = "auto",
    fallback: Fallback = NO_FALLBACK,
    declared: DeclaredOutput = NOTHING_DECLARED,
    preprocessing: DeclaredPreprocessing = NOTHING_PREPROCESSED,
) -> Added:
    """Publish a fitted estimator or a ready ONNX file, with the profile of its training rows. Raises ModelError."""
    registry = Registry(registry_root)
    registry.require_free(name, version)
    ready = make_publishable(
        estimator_file,
        name,
        training_file,
        target=target,
        time=time,
        key=key,
        trust=trust,
        runtime=runtime,
        declared=declared,
        preprocessing=preprocessing,
    )
    return _publish(registry, ready, version, fallback)


def publish_estimator(
    registry_root: Path,
    name: str,
    estimator: Any,
    schema: InputSchema,
    matrix: FloatMatrix,
    *,
    version: str | None = None,
    times_ms: NDArray[np.int64] | None = None,
    keys: Sequence[bytes | None] | None = None,
    target: Sequence[Label | None] | None = None,
    labels: Mapping[str, Label] | None = None,
    threshold: float | None = None,
    decimals: int | None = None,
    class_scores: bool = False,
    clip: Clip | None = None,
    calibration: Method | Calibration | None = None,
    held_out: HeldOut | None = None,
    runtime: RuntimeOption = "sklearn",
    fallback: Fallback = NO_FALLBACK,
    preprocessing: Preprocessing = NO_PREPROCESSING,
) -> str:
    """Publish an estimator fitted in this process; returns the version. `matrix` (n x features, coded) is what it was
    fitted on, or what `preprocessing` makes that of; `keys` are those of the rows, for keyed features.

    A calibration by its method is fitted on `held_out`, rows that the estimator was not fitted on. Raises ModelError.
    """
    registry = Registry(registry_root)
    registry.require_free(name, version)
    rows = prepare_training(preprocessing, schema, matrix, times_ms, keys=keys, where=f"preprocessing of {name}")
    candidate = make_candidate(
        save_estimator(estimator),
        rows.preparation.outputs,
        rows.matrix,
        name=name,
        created=_now(),
        where=f"estimator of {name}",
        target=target,
        declared=DeclaredOutput(
            labels=dict(labels or {}),
            threshold=threshold,
            decimals=decimals,
            class_scores=class_scores,
            clip=clip,
            calibration=calibration,
        ),
        held_out=held_out and prepare_held_out(held_out, rows),
        runtime=runtime,
    )
    candidate = behind(rows, candidate)
    ready = Publishable(candidate, reference_profile(candidate.model, rows, times_ms), len(matrix))
    return _publish(registry, ready, version, fallback).manifest.version


def _publish(registry: Registry, ready: Publishable, version: str | None, fallback: Fallback) -> Added:
    candidate = ready.candidate
    manifest = registry.publish(declaring(candidate.manifest, fallback), candidate.files(ready.reference), version)
    return Added(
        manifest=manifest,
        path=registry.root / manifest.name / manifest.version,
        active=registry.active(manifest.name) == manifest.version,
        rows=ready.rows,
        cost=candidate.cost,
        disagreeing=candidate.disagreeing,
        why=candidate.why,
        instead=candidate.instead,
        fit=candidate.fit,
        prequential=candidate.prequential,
    )


def declaring(manifest: Manifest, fallback: Fallback) -> Manifest:
    """The manifest with a fallback. Raises ModelError where it does not fit the model."""
    try:
        fallback.check(manifest.schema, manifest.output.labels)
    except ValueError as error:
        raise ModelError(
            str(error),
            where=f"fallback of {manifest.name}",
            cause="it was written for another model, or mistyped",
            fix="`weir model show` tells features and labels of a version that is published",
        ) from error
    return structs.replace(manifest, fallback=fallback)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
