"""What a learner knows as a version to publish."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from models.adding_river import freeze_candidate
from models.artifact import Artifact
from models.describing import Candidate
from models.errors import ModelError
from models.manifest import Manifest
from models.parity import coded_rows
from models.prediction import FloatMatrix
from models.prepared_training import PreparedTraining, behind
from models.preprocessing.declared import NO_PREPROCESSING
from models.registry import Registry
from streams.learner_snapshot import Learnt
from streams.modelling import reference_profile

REFERENCE_ROWS = 10_000
LEAST_REFERENCE_ROWS = 1_000
"""With fewer, drift would take chance for change; the reference of the version that the learner began as is kept."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """A version that was published. `reference_rows`: of the events that its reference is made of; 0: it is that of the
    version that the learner began as."""

    manifest: Manifest
    reference_rows: int


def freeze(registry: Registry, learnt: Learnt, version: str | None) -> Frozen:
    """Publish what was learnt as a new version, with the labels, rounding and fallback of the version that the learner
    began as. Raises ModelError."""
    knowledge = learnt.knowledge
    base = registry.artifact(knowledge.base.model, knowledge.base.version)
    if base.manifest.digest != knowledge.base.digest:
        raise ModelError(
            f"version {knowledge.base.version} is not the one that the learner began as",
            where=registry.where(base),
            cause="another registry than the worker's",
            fix="name the worker's registry with --registry",
        )
    if knowledge.parameters.diverged:
        raise ModelError(
            f"the learner of {knowledge.base.model} diverged, and no answer of it would mean anything",
            where=registry.where(base),
            cause="its l2 is too large for its learning_rate: with each row its weights grew",
            fix="declare learning_rate times l2 below 1, add that as a version, and set learning.version to it",
        )
    registry.require_free(base.manifest.name, version)
    candidate, reference, rows = _candidate(base, learnt)
    manifest = msgspec.structs.replace(candidate.manifest, fallback=base.manifest.fallback)
    return Frozen(registry.publish(manifest, candidate.files(reference), version), rows)


def _candidate(base: Artifact, learnt: Learnt) -> tuple[Candidate, bytes, int]:
    own = base.manifest
    seen = _prepared(own, learnt.rows(len(own.preparation.inputs), REFERENCE_ROWS))
    enough = len(seen.matrix) >= LEAST_REFERENCE_ROWS
    rows = seen if enough else _prepared(own, coded_rows(own.parity_sample))
    created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    columns, parameters = own.preparation.outputs, learnt.knowledge.parameters
    made = freeze_candidate(parameters, columns, own.output, rows.matrix, name=own.name, created=created)
    candidate = behind(rows, made)
    if enough:
        return candidate, reference_profile(candidate.model, rows), len(rows.matrix)
    return candidate, base.files[own.reference], 0


def _prepared(manifest: Manifest, inputs: FloatMatrix) -> PreparedTraining:
    """Rows of inputs on both sides of the preprocessing, without those that it has no answer for."""
    preparation = manifest.preparation
    prepared = preparation(inputs)
    kept = prepared.kept
    preprocessing = manifest.preprocessing or NO_PREPROCESSING
    return PreparedTraining(manifest.schema, preprocessing, preparation, inputs[kept], prepared.matrix[kept])
