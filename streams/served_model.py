"""The model that a worker asks: which one, and whether it runs here or in a process of its own."""

from __future__ import annotations

from collections.abc import Callable

from models.isolated import isolated_model
from models.loaded import LoadedModel
from models.registry import Registry
from streams.settings import ModelSettings, Settings, SettingsError
from streams.settings.problems import Problem
from streams.telemetry.isolation import LossTelemetry
from streams.telemetry.metrics import Metrics


def served_model(
    settings: Settings, metrics: Metrics, searching: Callable[[], None]
) -> tuple[LoadedModel, Callable[[], None]]:
    """The model, and what ends its process where it has one. Raises ModelError, SettingsError.

    To be called on a thread that lives as long as the model is asked.
    """
    own = settings.model
    registry = Registry(own.registry)
    name = own.name or _only_name(registry, own)
    if own.isolation == "thread":
        return registry.load(name, own.version), lambda: None
    telemetry = LossTelemetry(name, own.deadline_ms, metrics, searching)
    artifact = registry.artifact(name, own.version)
    return isolated_model(registry, artifact, deadline_s=own.deadline_ms / 1000, on_loss=telemetry.lost)


def _only_name(registry: Registry, settings: ModelSettings) -> str:
    names = registry.names()
    if len(names) == 1:
        return names[0]
    found = ", ".join(names) or "none"
    raise SettingsError(
        [
            Problem(
                "model.name",
                "not set",
                "model.name",
                f"names one of the registry's models ({found} in {settings.registry})",
                "set model.name, or add a model with `weir model add`",
            )
        ]
    )
