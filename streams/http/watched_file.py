"""A file that says who may ask: read again when it changes, so that keys come and go without a restart."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger("streams.http.keys")

LOOK_AGAIN_S = 1.0

Content = TypeVar("Content")


class WritableByAll(ValueError):
    """Anybody could write into a file whom they like to be let in."""


class WatchedFile(Generic[Content]):
    """A file that cannot be read any more changes nothing: what was in it before stays, and the log says why."""

    def __init__(self, path: Path, what: str, parse: Callable[[bytes], Content], clock: Callable[[], float]) -> None:
        """`what` it is, for the log; `parse` raises ValueError, whose text shows nothing secret. Raises OSError,
        ValueError."""
        self._path, self._what, self._parse, self._clock = path, what, parse, clock
        self._seen = _state(path)
        self._content = self._read()
        self._looked_at = clock()

    def content(self) -> Content:
        """That of now, or of a second ago."""
        if self._clock() - self._looked_at >= LOOK_AGAIN_S:
            self._looked_at = self._clock()
            self._look()
        return self._content

    def _look(self) -> None:
        try:
            state = _state(self._path)
            if state == self._seen:
                return
            self._content = self._read()
        except (OSError, ValueError) as error:
            log.warning(
                "not read, what it said before stays valid", what=self._what, file=str(self._path), why=str(error)
            )
        else:
            self._seen = state
            log.info("read again", what=self._what, file=str(self._path))

    def _read(self) -> Content:
        match further_writers(self._path.stat().st_mode):
            case "everybody":
                raise WritableByAll("everybody may write to it; take that away with `chmod o-w`")
            case str(who):  # a volume of Kubernetes with an fsGroup is so: no reason to stop
                log.warning("may be written by others than its owner", what=self._what, file=str(self._path), who=who)
        return self._parse(self._path.read_bytes())


def further_writers(mode: int) -> str | None:
    """Who may write to a file besides its owner, and so let in whom they like."""
    if mode & stat.S_IWOTH:
        return "everybody"
    return "its group" if mode & stat.S_IWGRP else None


def _state(path: Path) -> tuple[int, int, int]:
    found = os.stat(path)  # noqa: PTH116  # follows the links of a mounted secret
    return found.st_ino, found.st_size, found.st_mtime_ns
