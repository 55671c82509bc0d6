"""The version that a learner begins as, where the settings declare one."""

from __future__ import annotations

import structlog

from models.errors import ModelError
from models.runtime_river import read_parameters
from streams.decide.examples import FeatureWriter
from streams.kafka.deliveries import MAX_MESSAGE_BYTES
from streams.learning.base import LearnerBase
from streams.learning.records import VALUES_PER_RECORD
from streams.learning.size import most_bytes
from streams.learning.state import Base
from streams.registry import registry_of
from streams.served_model import name_of
from streams.settings import Settings

ROOM_BYTES = 4096
"""Of a record, for its key and Kafka's own framing."""

log = structlog.get_logger("streams.base_version")


def read_base(settings: Settings) -> LearnerBase:
    """Of a learner that is declared. Raises ModelError, SettingsError."""
    registry, version = registry_of(settings.model), settings.learning.version
    assert version is not None
    name = name_of(registry, settings.model)
    artifact = registry.artifact(name, version)
    manifest, where = artifact.manifest, registry.where(artifact)
    if manifest.runtime != "river":
        raise ModelError(
            f"version {version} of {name} cannot learn: its runtime is {manifest.runtime}",
            where=where,
            cause="learning.version names a version that was fitted once and for all",
            fix="declare an online model in a .toml file and add it with `weir model add`",
        )
    parameters = read_parameters(manifest, artifact.files[manifest.estimator], where)
    base = LearnerBase(
        of=Base(name, version, manifest.digest),
        schema=manifest.schema,
        preparation=manifest.preparation,
        output=manifest.output,
        parameters=parameters,
    )
    require_room(base, where)
    return base


def require_room(base: LearnerBase, where: str) -> None:
    """Raises ModelError where what is learnt may outgrow a record."""
    parameters, features = base.parameters, len(base.preparation.inputs)
    most, room = most_bytes(parameters), MAX_MESSAGE_BYTES - ROOM_BYTES
    if most > room or features > VALUES_PER_RECORD:
        raise ModelError(
            f"version {base.of.version} of {base.of.model} is too large to learn on: "
            f"{len(parameters.columns)} columns, {parameters.labels} classes, {features} features",
            where=where,
            cause=f"what is learnt is one record of {room} bytes at most, and may come to need {most}, the names of "
            f"columns included, of which each category is one; and an event may have {VALUES_PER_RECORD} features",
            fix="leave features with many categories out, group these, or give them shorter names",
        )


def feature_writer(settings: Settings, topic: str) -> FeatureWriter | None:
    """What predict tells a learner by. Answers do not depend on it: where it cannot be read that is told, and there is
    none."""
    try:
        base = read_base(settings)
    except ModelError as error:
        log.error("nothing is told to the learner", version=settings.learning.version, why=str(error))  # noqa: TRY400
        return None
    return FeatureWriter(base, topic)
