"""What `weir doctor` learns of models: those that answer are loaded, as a worker would."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from models.errors import ModelError
from models.loaded import LoadedModel
from models.registry import Registry
from models.runtimes import runtime_of
from streams.doctor.models import ModelFacts, Problem
from streams.registry import registry_of
from streams.served_model import name_of
from streams.settings import Settings, SettingsError

VersionOf = Callable[[str], str | None]
"""The version of a model that was promoted; None: the registry's active one."""


def look_at_models(settings: Settings, promoted: VersionOf) -> Iterator[tuple[ModelFacts, LoadedModel | None]]:
    """Each model that the settings name, and itself where it loads."""
    own = settings.model
    name = own.name or ""
    try:
        registry = registry_of(own)
        if not registry.names():
            yield ModelFacts(name, None, _no_model(settings)), None
            return
        name = name_of(registry, own)
    except ModelError as error:
        yield ModelFacts(name, None, _of(error)), None
        return
    except SettingsError as error:
        (problem,) = error.problems
        yield (
            ModelFacts(name, None, Problem(f"{problem.key} {problem.rule}", problem.key, "several", problem.fix)),
            None,
        )
        return
    for each in (name, *own.further):
        pinned = own.version if settings.answers_with(each) else None
        yield _look_at(registry, each, pinned or promoted(each))


def _look_at(registry: Registry, name: str, version: str | None) -> tuple[ModelFacts, LoadedModel | None]:
    try:
        model = registry.load(name, version)
    except ModelError as error:
        return ModelFacts(name, version, _of(error)), None
    installed = runtime_of(model.manifest.runtime).library_versions()
    return ModelFacts(name, model.version, None, dict(model.manifest.libraries), installed), model


def _no_model(settings: Settings) -> Problem:
    return Problem(
        "the registry holds no model",
        f"model.registry {settings.model.registry.absolute()}",
        "none was added yet, or model.registry names another directory than `weir model add` wrote to",
        "`weir model add FILE --name NAME --data TRAIN`, or correct model.registry",
    )


def _of(error: ModelError) -> Problem:
    return Problem(error.what, error.where, error.cause, error.fix)
