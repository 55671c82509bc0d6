"""What a learner knows by its last snapshot, and that as a version to publish."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
from streams.kafka.snapshots import SnapshotDamaged, collect
from streams.learning.state import KNOWLEDGE, Knowledge, decode_knowledge
from streams.learning.waiting import WaitingRows
from streams.modelling import reference_profile

ROLE = "learner"
REFERENCE_ROWS = 10_000
LEAST_REFERENCE_ROWS = 1_000
"""With fewer, drift would take chance for change; the reference of the version that the learner began as is kept."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """`knowledge` as it was before the record at `offset` of `examples`; `entries`: all of the snapshot."""

    knowledge: Knowledge
    entries: Mapping[str, bytes]
    offset: int

    def rows(self, width: int) -> FloatMatrix:
        """`width` inputs of each of the events answered last. Raises ValueError where they are not so many."""
        waiting = WaitingRows(width, max(1, self.knowledge.end))
        waiting.load(self.entries, self.knowledge.end)
        return waiting.latest(REFERENCE_ROWS)


@dataclass(frozen=True, slots=True)
class Frozen:
    """A version that was published. `reference_rows`: of the events that its reference is made of; 0: it is that of the
    version that the learner began as."""

    manifest: Manifest
    reference_rows: int


def learnt_of(name: str, records: Iterable[tuple[bytes, bytes | None]], where: str) -> Learnt:
    """From the records of the state topic, oldest first. Raises ModelError where there is no such learner, or what is
    there is damaged."""
    prefix = f"{ROLE}/".encode()
    latest = {key: value for key, value in records if key.startswith(prefix)}
    partitions = sorted({int(key.split(b"/")[1]) for key in latest})
    for partition in partitions:
        try:
            snapshot = collect(ROLE, partition, latest.items())
            if snapshot is None or KNOWLEDGE not in snapshot.entries:
                continue
            knowledge = decode_knowledge(snapshot.entries[KNOWLEDGE])
            if knowledge.base.model != name:
                continue
            return Learnt(knowledge, snapshot.entries, snapshot.offset)
        except (SnapshotDamaged, ValueError) as error:  # a MsgspecError is a ValueError
            raise ModelError(
                f"what the learner of {name} knows cannot be read: {error}",
                where=where,
                cause="a snapshot of another release, or records that something else wrote",
                fix="let the learner run; it starts again with what the topic of examples still has",
            ) from error
    raise ModelError(
        f"nothing was learnt of {name}",
        where=where,
        cause="no worker with the role learner ran, or learning.version is not set, or no event was answered since",
        fix="set learning.version to a version of the runtime river, and start a worker with the role learner",
    )


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
    registry.require_free(base.manifest.name, version)
    candidate, reference, rows = _candidate(base, learnt)
    manifest = msgspec.structs.replace(candidate.manifest, fallback=base.manifest.fallback)
    return Frozen(registry.publish(manifest, candidate.files(reference), version), rows)


def _candidate(base: Artifact, learnt: Learnt) -> tuple[Candidate, bytes, int]:
    own = base.manifest
    seen = _prepared(own, learnt.rows(len(own.preparation.inputs)))
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
