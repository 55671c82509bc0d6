"""All tables together, and where each value came from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct, field

from streams.settings.tables import (
    AdminSettings,
    DriftSettings,
    HttpSettings,
    KafkaSettings,
    LabelSettings,
    LearningSettings,
    LimitSettings,
    ModelSettings,
    TopicSettings,
    WorkerSettings,
)


class Source(StrEnum):
    """Where a value came from; later ones win."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Origin:
    """`where` is the file's path or the variable's name, empty for a default."""

    source: Source
    where: str = ""

    def __str__(self) -> str:
        return self.where or self.source.value


class Settings(Struct, frozen=True):
    """All settings of a process. `origins` names, by key, where each value that is not a default came from;
    `notes` are remarks for the operator that stop nothing."""

    kafka: KafkaSettings = KafkaSettings()
    topics: TopicSettings = TopicSettings()
    model: ModelSettings = ModelSettings()
    worker: WorkerSettings = WorkerSettings()
    limits: LimitSettings = LimitSettings()
    drift: DriftSettings = DriftSettings()
    labels: LabelSettings = LabelSettings()
    learning: LearningSettings = LearningSettings()
    http: HttpSettings = HttpSettings()
    admin: AdminSettings = AdminSettings()
    origins: dict[str, Origin] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def learns(self) -> bool:
        """Whether a learner is declared. It learns from joined labels, so without these there is none."""
        return self.learning.version is not None and self.labels.enabled

    def answers_with(self, name: str) -> bool:
        """Whether `model.version` and `learning.version` are of this model. Where none is named the registry holds
        but one."""
        return self.model.name in (None, name)

    def origin(self, key: str) -> Origin:
        """Where the value of `key`, such as ``admin.port``, came from."""
        return self.origins.get(key, Origin(Source.DEFAULT))

    def is_set(self, key: str) -> bool:
        """Whether somebody chose the value; a default may give way, a choice may not."""
        return self.origin(key).source is not Source.DEFAULT


TABLES: dict[str, type[Struct]] = {
    "kafka": KafkaSettings,
    "topics": TopicSettings,
    "model": ModelSettings,
    "worker": WorkerSettings,
    "limits": LimitSettings,
    "drift": DriftSettings,
    "labels": LabelSettings,
    "learning": LearningSettings,
    "http": HttpSettings,
    "admin": AdminSettings,
}
