"""Settings of a process: one file, the environment over it, every bad value reported at once."""

from streams.settings.effective import Origin, Settings, Source
from streams.settings.loading import load_settings, variable_of
from streams.settings.problems import Problem, SettingsError
from streams.settings.secret import SecretStr, masked
from streams.settings.tables import (
    AdminSettings,
    DetectorSettings,
    DriftSettings,
    HttpSettings,
    KafkaSettings,
    LabelSettings,
    LearningSettings,
    LimitSettings,
    ModelSettings,
    TopicRole,
    TopicSettings,
    WorkerSettings,
)

__all__ = [
    "AdminSettings",
    "DetectorSettings",
    "DriftSettings",
    "HttpSettings",
    "KafkaSettings",
    "LabelSettings",
    "LearningSettings",
    "LimitSettings",
    "ModelSettings",
    "Origin",
    "Problem",
    "SecretStr",
    "Settings",
    "SettingsError",
    "Source",
    "TopicRole",
    "TopicSettings",
    "WorkerSettings",
    "load_settings",
    "masked",
    "variable_of",
]
