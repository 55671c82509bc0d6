"""The detectors that the settings name, River's and one's own, tried out before anything is watched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from drift.detectors import (
    ANSWER_BY_ANSWER,
    ERROR_DETECTORS,
    ERRORS,
    RIVER_DETECTORS,
    DetectorBench,
    Factory,
    UnknownDetector,
)
from drift.settings import DetectorSpec
from streams.settings import Settings
from streams.settings.problems import Problem, SettingsError

_OF_ERRORS = 'drift.signals."metric/error'
"""Begins the key of a choice that no signal but those of errors can match."""


def detector_factories(settings: Settings) -> Mapping[str, Factory]:
    """Factories by the names of the settings; ``module:Class`` is imported, so it runs code that the operator chose.

    Raises SettingsError with every name or parameter that does not fit.
    """
    factories = dict(RIVER_DETECTORS)
    problems = []
    for key, spec in _chosen(settings):
        try:
            if ":" in spec.name:
                factories[spec.name] = _imported(spec.name)
            if spec.name in ANSWER_BY_ANSWER and key.startswith(_OF_ERRORS):
                DetectorBench((spec,), ERROR_DETECTORS, ERRORS)
            else:
                DetectorBench((spec,), factories)
        except UnknownDetector as error:
            origin = settings.origin("drift.signals" if key.startswith("drift.signals") else key)
            known = "ADWIN, PageHinkley, KSWIN or module:Class, or for metric/error HDDM_A, HDDM_W, DDM, EDDM or FHDDM"
            fix = f"name {known}, with parameters of its constructor"
            problems.append(Problem(key, spec.name, str(origin), str(error), fix))
    if problems:
        raise SettingsError(problems)
    return factories


def _chosen(settings: Settings) -> Iterator[tuple[str, DetectorSpec]]:
    drift = settings.drift
    yield "drift.detector", DetectorSpec(drift.detector.name, dict(drift.detector.parameters))
    for pattern, own in drift.signals.items():
        yield f'drift.signals."{pattern}"', DetectorSpec(own.name, dict(own.parameters))


def _imported(name: str) -> Factory:
    module, _, attribute = name.partition(":")
    try:
        factory: Factory = getattr(import_module(module), attribute)
    except Exception as error:  # the module is the operator's: it may raise anything while it is imported
        raise UnknownDetector(f"{name} cannot be imported ({type(error).__name__}: {error})") from error
    if not callable(getattr(factory, "update", None)):
        raise UnknownDetector(f"{name} is no class with update(x) and drift_detected")
    return factory
