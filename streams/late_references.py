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
"""Least time between two looks at what was missing: answers of a version that is not in this registry must not cost a
look a batch."""
MOST_AT_ONCE = 8
"""Versions of one look, so that the lane does not wait long for the disk."""
MOST_WANTED = 1000


class LateReferences:
    """Tells `found` of each. To be asked by one thread, which waits for the disk meanwhile."""

    def __init__(
        self,
        registry: Registry,
        found: Callable[[ModelVersion, ReferenceProfile], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry, self._found, self._clock = registry, found, clock
        self._next_look, self._looks = clock(), 0
        self._wanted: dict[ModelVersion, int] = {}
        """With the number of the look at each that was the last, 0: none yet."""
        self._failed: dict[ModelVersion, str] = {}

    def look_for(self, names: Collection[ModelVersion]) -> None:
        """Look at once for versions that were not asked for before, and now and then for those that were missing."""
        for name in names:
            if len(self._wanted) < MOST_WANTED:
                self._wanted.setdefault(name, 0)
        again = self._clock() >= self._next_look
        due = [name for name, looked in self._wanted.items() if again or not looked]
        if not due:
            return
        self._looks += 1
        # Those that were looked for longest ago come first, so that none keeps another from being found.
        for name in sorted(due, key=lambda name: (self._wanted[name], name))[:MOST_AT_ONCE]:
            self._wanted[name] = self._looks
            self._look(name)
        if again:
            self._next_look = self._clock() + LOOK_AGAIN_S

    def _look(self, name: ModelVersion) -> None:
        try:
            reference = decode_profile(self._registry.reference(*name))
        except (ModelError, ProfileError, OSError) as error:
            self._could_not(name, str(error))
            return
        del self._wanted[name]
        self._failed.pop(name, None)
        self._found(name, reference)
        log.info("a new model version is known", model=name.model, version=name.version)

    def _could_not(self, name: ModelVersion, why: str) -> None:
        if self._failed.get(name) != why:
            log.warning("not watched: no readable reference", model=name.model, version=name.version, why=why)
        self._failed[name] = why
