"""The key file of a running door: read again when it changes, so that keys come and go without a restart."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from streams.http.keys import KeyFileInvalid, KeyRecord, read_keys

log = structlog.get_logger("streams.http.keys")

LOOK_AGAIN_S = 1.0


class KeyFile:
    """A file that cannot be read any more changes nothing: the keys of before stay, and the log says why."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        """Raises OSError, KeyFileInvalid."""
        self._path, self._clock = path, clock
        self._seen = _state(path)
        self._keys = _read(path)
        self._looked_at = clock()

    def keys(self) -> Mapping[str, KeyRecord]:
        """Those of now, or of a second ago."""
        if self._clock() - self._looked_at >= LOOK_AGAIN_S:
            self._looked_at = self._clock()
            self._look()
        return self._keys

    def _look(self) -> None:
        try:
            state = _state(self._path)
            if state == self._seen:
                return
            self._keys = _read(self._path)
        except (OSError, KeyFileInvalid) as error:
            log.warning("key file not read, the keys of before stay valid", file=str(self._path), why=str(error))
        else:
            self._seen = state
            log.info("key file read again", file=str(self._path), keys=len(self._keys))


def further_writers(mode: int) -> str | None:
    """Who may write to a file besides its owner, and so let in whom they like."""
    if mode & stat.S_IWOTH:
        return "everybody"
    return "its group" if mode & stat.S_IWGRP else None


def _read(path: Path) -> Mapping[str, KeyRecord]:
    """Raises OSError, KeyFileInvalid."""
    match further_writers(path.stat().st_mode):
        case "everybody":
            raise KeyFileInvalid("everybody may write to it; take that away with `chmod o-w`")
        case str(who):  # a volume of Kubernetes with an fsGroup is so: no reason to stop
            log.warning("the key file may be written by others than its owner", file=str(path), who=who)
    return read_keys(path.read_bytes())


def _state(path: Path) -> tuple[int, int, int]:
    found = os.stat(path)  # noqa: PTH116  # follows the links of a mounted secret
    return found.st_ino, found.st_size, found.st_mtime_ns
