"""Where a model and its reference profile meet: the model's answers on its training rows, profiled by drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drift.profile import SignalSpec, build_profile
from models.adding import Candidate, TileCost, make_candidate
from models.estimator_file import read_estimator_file
from models.estimator_task import feature_names
from models.manifest import Manifest
from models.prediction import FloatMatrix, Label, Model
from models.registry import Registry
from models.schema import InputSchema
from models.training_data import read_training
from models.trusted import load_trusted, save_estimator

_ROWS_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model and its reference profile, ready to publish."""

    candidate: Candidate
    reference: bytes
    rows: int


@dataclass(frozen=True, slots=True)
class Added:
    """A published version. `disagreeing`: see `models.adding.Candidate`."""

    manifest: Manifest
    path: Path
    active: bool
    rows: int
    cost: TileCost
    disagreeing: int


def reference_profile(model: Model, matrix: FloatMatrix, times_ms: NDArray[np.int64] | None = None) -> bytes:
    """The encoded profile of training rows (n x features, coded) and of the model's answers to them."""
    specs = [
        SignalSpec(name=feature.name, kind=feature.kind.value, role=role, categories=feature.categories)
        for role, features in (("feature", model.schema.features), ("output", model.output_signals))
        for feature in features
    ]
    answers = [model.predict(matrix[at : at + _ROWS_AT_ONCE]).outputs for at in range(0, len(matrix), _ROWS_AT_ONCE)]
    return build_profile(specs, np.hstack([matrix, np.concatenate(answers)]), times_ms).encode()


def prepare_model(
    estimator_file: Path,
    name: str,
    training_file: Path,
    *,
    target: str | None = None,
    time: str | None = None,
    trust: bool = False,
) -> Prepared:
    """Everything of `add_model` but the publishing. Raises ModelError."""
    estimator = read_estimator_file(estimator_file, trust=trust)
    names = feature_names(load_trusted(estimator, str(estimator_file)))
    training = read_training(training_file, target=target, time=time, features=names)
    candidate = make_candidate(
        estimator,
        training.schema,
        training.matrix,
        name=name,
        created=_now(),
        where=str(estimator_file),
        target=training.target,
    )
    reference = reference_profile(candidate.model, training.matrix, training.times_ms)
    return Prepared(candidate, reference, len(training.matrix))


def add_model(
    registry_root: Path,
    estimator_file: Path,
    name: str,
    training_file: Path,
    *,
    version: str | None = None,
    target: str | None = None,
    time: str | None = None,
    trust: bool = False,
) -> Added:
    """Publish a fitted estimator with the reference profile of its training rows. Raises ModelError."""
    registry = Registry(registry_root)
    registry.require_free(name, version)
    prepared = prepare_model(estimator_file, name, training_file, target=target, time=time, trust=trust)
    return _publish(registry, prepared, version)


def publish_estimator(
    registry_root: Path,
    name: str,
    estimator: Any,
    schema: InputSchema,
    matrix: FloatMatrix,
    *,
    version: str | None = None,
    times_ms: NDArray[np.int64] | None = None,
    target: Sequence[Label | None] | None = None,
    labels: Mapping[str, Label] | None = None,
    threshold: float | None = None,
    decimals: int | None = None,
    class_scores: bool = False,
) -> str:
    """Publish an estimator fitted in this process on `matrix` (n x features, coded); returns the version."""
    registry = Registry(registry_root)
    registry.require_free(name, version)
    candidate = make_candidate(
        save_estimator(estimator),
        schema,
        matrix,
        name=name,
        created=_now(),
        where=f"estimator of {name}",
        target=target,
        labels=labels,
        threshold=threshold,
        decimals=decimals,
        class_scores=class_scores,
    )
    prepared = Prepared(candidate, reference_profile(candidate.model, matrix, times_ms), len(matrix))
    return _publish(registry, prepared, version).manifest.version


def _publish(registry: Registry, prepared: Prepared, version: str | None) -> Added:
    candidate = prepared.candidate
    manifest = registry.publish(candidate.manifest, candidate.files(prepared.reference), version)
    return Added(
        manifest=manifest,
        path=registry.root / manifest.name / manifest.version,
        active=registry.active(manifest.name) == manifest.version,
        rows=prepared.rows,
        cost=candidate.cost,
        disagreeing=candidate.disagreeing,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
