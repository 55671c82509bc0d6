"""Which model versions were removed from the registry: their alerts end, since no worker can judge them any more."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

import structlog

from models.errors import ModelError
from models.registry import Registry
from streams.joining.state import ModelVersion
from streams.late_references import LOOK_AGAIN_S, MOST_AT_ONCE

log = structlog.get_logger("streams.removed_versions")


class RemovedVersions:
    """Believes that a version is gone once two looks, some time apart, say so. To be asked by one thread, which waits
    for the disk meanwhile."""

    def __init__(self, registry: Registry, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry, self._clock = registry, clock
        self._look_at: dict[ModelVersion, float] = {}
        self._missing: set[ModelVersion] = set()

    def among(self, names: Collection[ModelVersion]) -> list[ModelVersion]:
        """Those that are gone; each is told again, now and then, for as long as it is asked for."""
        now, gone = self._clock(), []
        due = [name for name in sorted(names) if now >= self._look_at.get(name, now)]
        for name in due[:MOST_AT_ONCE]:
            self._look_at[name] = now + LOOK_AGAIN_S
            if not self._is_missing(name):
                self._missing.discard(name)
            elif name in self._missing:
                gone.append(name)
                log.info("a model version is gone, and so are its alerts", model=name.model, version=name.version)
            else:
                self._missing.add(name)
        return gone

    def _is_missing(self, name: ModelVersion) -> bool:
        try:
            return self._registry.lacks(*name)
        except (ModelError, OSError):
            return False
