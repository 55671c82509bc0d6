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

    def __init__(self, first: LoadedVersion | None, on_switch: Callable[[Model], None]) -> None:
        """`on_switch` is told of a version as the first batch comes to it. Without a `first` one has to be staged."""
        self._lock = threading.Lock()
        self._on_switch = on_switch
        self._current: LoadedVersion | None = first
        self._next: LoadedVersion | None = first
        self._retired: list[LoadedVersion] = []

    def serves(self, version: str, previous: str | None) -> bool:
        """Whether the next batch is answered by a version, with the one before it beside where it declares that."""
        loaded = self._next
        if loaded is None or loaded.version != version:
            return False
        return previous is None or not loaded.wants_previous or loaded.beside == previous

    @property
    def next_model(self) -> Model | None:
        """What answers the next batch."""
        loaded = self._next
        return None if loaded is None else loaded.serving.model

    @property
    def is_empty(self) -> bool:
        """Whether nothing can answer yet."""
        return self._next is None

    def current(self) -> Serving:
        """What answers a batch that begins now. For the thread that asks the model: what answered before must not be
        asked any more."""
        with self._lock:
            current = self._next
            assert current is not None, "nothing was staged"
            changes = self._current is not current
            if changes and self._current is not None:
                self._retired.append(self._current)
            self._current = current
        if changes:
            self._on_switch(current.serving.model)
        return current.serving

    def stage(self, loaded: LoadedVersion) -> None:
        """Let this version answer from the next batch on."""
        with self._lock:
            if self._next is not None and self._next is not self._current:
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
            left = {id(each): each for each in (self._current, self._next) if each is not None}
        for each in left.values():
            each.close()
