"""The version that a learner begins as, where the settings declare one."""

from __future__ import annotations

import structlog

from models.errors import ModelError
from models.runtime_river import read_parameters
from streams.decide.examples import FeatureWriter
from streams.decide.lesson import LearnerBase
from streams.learning.state import Base
from streams.registry import registry_of
from streams.served_model import name_of
from streams.settings import Settings

MOST_NUMBERS = 50_000
"""Columns by classes: what is learnt is one record of the topic `state`, of some 50 bytes each."""

log = structlog.get_logger("streams.learner_base")


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
    if len(parameters.columns) * parameters.labels > MOST_NUMBERS:
        raise ModelError(
            f"version {version} of {name} is too large to learn on: {len(parameters.columns)} columns, "
            f"{parameters.labels} classes",
            where=where,
            cause=f"columns times classes may be {MOST_NUMBERS}; each category is a column",
            fix="leave features with many categories out, or group these",
        )
    return LearnerBase(
        of=Base(name, version, manifest.digest),
        schema=manifest.schema,
        preparation=manifest.preparation,
        output=manifest.output,
        parameters=parameters,
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
