"""Which loaded version of a model answers. Batches ask between each other; another thread brings the next version."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from models.prediction import Model
from streams.decide.serving import Serving


@dataclass(frozen=True, slots=True)
class LoadedVersion:
    """A version that can answer, and what ends its process where it has one. `beside`: the version before it that is to
    stand in for it; `wants_previous`: whether it declares one."""

    serving: Serving
    close: Callable[[], None]
    beside: str | None = None
    wants_previous: bool = False

    @property
    def version(self) -> str:
        return self.serving.model.version


class Switch:
    """The version of now, and the one that takes over at the next batch."""

    def __init__(self, first: LoadedVersion, on_switch: Callable[[Model], None]) -> None:
        """`on_switch` is told of a version as the first batch comes to it."""
        self._lock = threading.Lock()
        self._on_switch = on_switch
        self._current, self._next = first, first
        self._retired: list[LoadedVersion] = []

    def serves(self, version: str, previous: str | None) -> bool:
        """Whether the next batch is answered by a version, with the one before it beside where it declares that."""
        loaded = self._next
        return loaded.version == version and (
            previous is None or not loaded.wants_previous or loaded.beside == previous
        )

    def current(self) -> Serving:
        """What answers a batch that begins now. For the thread that asks the model: what answered before must not be
        asked any more."""
        with self._lock:
            changes = self._current is not self._next
            if changes:
                self._retired.append(self._current)
                self._current = self._next
        if changes:
            self._on_switch(self._current.serving.model)
        return self._current.serving

    def stage(self, loaded: LoadedVersion) -> None:
        """Let this version answer from the next batch on."""
        with self._lock:
            if self._next is not self._current:
                self._retired.append(self._next)
            self._next = loaded

    def close_retired(self) -> None:
        """End what answers no more. For the thread that loads: it may take a while."""
        with self._lock:
            retired, self._retired = self._retired, []
        for each in retired:
            each.close()

    def close(self) -> None:
        """End everything, also what answers."""
        self.close_retired()
        with self._lock:
            left = {id(each): each for each in (self._current, self._next)}
        for each in left.values():
            each.close()
