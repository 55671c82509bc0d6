"""The model that a worker asks: which one, and whether it runs here or in a process of its own."""

from __future__ import annotations

from collections.abc import Callable

from models.isolated import Loss, isolated_model
from models.loaded import LoadedModel
from models.registry import Registry
from streams.registry import registry_of
from streams.settings import ModelSettings, Settings, SettingsError
from streams.settings.problems import Problem
from streams.settings.secret import shown
from streams.telemetry.isolation import LossTelemetry
from streams.telemetry.metrics import Metrics


class ModelSource:
    """Loads versions of one model, here or into processes of their own: the one of that name, or else the one that the
    settings name.

    Raises SettingsError when made, if there is no name and the registry holds several.
    """

    def __init__(
        self, settings: Settings, metrics: Metrics, searching: Callable[[], None], name: str | None = None
    ) -> None:
        own = settings.model
        self._registry = registry_of(own)
        self._isolation, self._deadline_ms = own.isolation, own.deadline_ms
        self.name = name or name_of(self._registry, own)
        self.others = frozenset(self._registry.names()) - {self.name}
        """Models that events may be meant for, beside this one."""
        self._telemetry = LossTelemetry(self.name, own.deadline_ms, metrics, searching)

    def load(
        self, version: str | None = None, on_loss: Callable[[Loss], None] | None = None
    ) -> tuple[LoadedModel, Callable[[], None]]:
        """A version, by default the registry's active one, and what ends its process where it has one. Raises
        ModelError. To be called on a thread that lives as long as the model is asked. `on_loss` is told of processes
        that were lost; by default they count as losses of the model that answers."""
        if self._isolation == "thread":
            return self._registry.load(self.name, version), lambda: None
        artifact = self._registry.artifact(self.name, version)
        deadline_s = self._deadline_ms / 1000
        return isolated_model(self._registry, artifact, deadline_s=deadline_s, on_loss=on_loss or self._telemetry.lost)


def name_of(registry: Registry, settings: ModelSettings) -> str:
    """The model that the settings name, or else the registry's only one. Raises SettingsError."""
    if settings.name:
        return settings.name
    names = registry.names()
    if len(names) == 1:
        return names[0]
    if not names:
        rule = "holds a model to serve; there is none, or `weir model add` wrote to another directory"
        fix = "`weir model add FILE --name NAME --data TRAIN`, or correct model.registry"
        where = str(settings.registry.absolute())
        raise SettingsError([Problem("model.registry", shown("model.registry", where), "model.registry", rule, fix)])
    found = ", ".join(names)
    raise SettingsError(
        [
            Problem(
                "model.name",
                "not set",
                "model.name",
                f"names one of the registry's models ({found} in {settings.registry})",
                "set model.name to the one that answers",
            )
        ]
    )
