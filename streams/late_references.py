"""References of model versions that were published after a role started: looked for when their answers come."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

import structlog

from drift.profile import ProfileError, ReferenceProfile, decode_profile
from models.errors import ModelError
from models.registry import Registry
from streams.joining.state import ModelVersion

log = structlog.get_logger("streams.late_references")

LOOK_AGAIN_S = 60.0
"""Least time between two looks: answers of a version that is not in this registry must not cost a look a batch."""
MOST_AT_ONCE = 8
"""Versions of one look; a reference is read with the whole model, whose digests are checked."""


class LateReferences:
    """Tells `found` of each. To be asked by one thread, which waits for the disk meanwhile."""

    def __init__(
        self,
        registry: Registry,
        found: Callable[[ModelVersion, ReferenceProfile], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry, self._found, self._clock = registry, found, clock
        self._next_look = clock()
        self._failed: dict[ModelVersion, str] = {}

    def look_for(self, names: Collection[ModelVersion]) -> None:
        """Look for versions that are not known, unless the last look was a moment ago."""
        if not names or self._clock() < self._next_look:
            return
        # Those that were not there the last time come last, so that they keep no other one from being found.
        for name in sorted(names, key=lambda name: (name in self._failed, name))[:MOST_AT_ONCE]:
            try:
                reference = decode_profile(self._registry.reference(*name))
            except (ModelError, ProfileError, OSError) as error:
                self._could_not(name, str(error))
            else:
                self._failed.pop(name, None)
                self._found(name, reference)
                log.info("a new model version is known", model=name.model, version=name.version)
        self._next_look = self._clock() + LOOK_AGAIN_S

    def _could_not(self, name: ModelVersion, why: str) -> None:
        if self._failed.get(name) != why:
            log.warning("outcomes are not told: no readable reference", model=name.model, version=name.version, why=why)
        self._failed[name] = why
