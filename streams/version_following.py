"""Keeps that version of a model loaded which was promoted, on a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import msgspec
import structlog

from streams.challenging import Challenging
from streams.control_records import decode_served
from streams.serving_commands import ServedVersions
from streams.switch import LoadedVersion, Switch

log = structlog.get_logger("streams.version_following")

TRY_AGAIN_S = 30.0
"""A version that could not be loaded may be on its way to this machine's registry."""
JOIN_S = 2.0


class VersionFollowing:
    """Loads what the accepted records name, and stages it. What cannot be loaded changes nothing: the last good version
    goes on. A context manager around the life of the lane."""

    def __init__(
        self,
        switch: Switch,
        *,
        load: Callable[[str, str | None], LoadedVersion],
        accepted: Callable[[threading.Event], Iterator[bytes | None]],
        on_failure: Callable[[str], None],
        challenging: Challenging | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`load` gets a version, and the one that answered before it where that is known. `accepted` gives the newest
        accepted record again and again until the event is set. `on_failure` is told of each version that could not be
        loaded. `challenging` follows who challenges what answers."""
        self._switch, self._load, self._accepted = switch, load, accepted
        self._on_failure, self._challenging, self._clock = on_failure, challenging, clock
        self._stop, self._first_known = threading.Event(), threading.Event()
        self._failed: dict[str, tuple[float, str]] = {}
        """When to try again, and why it failed."""
        # Processes of models end with the thread that started them: this one lives until `close`.
        self._thread = threading.Thread(target=self._run, name="versions", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait_until_known(self, timeout_s: float) -> bool:
        """Wait until what is to be served is known, and loaded if it can be; whether it is."""
        return self._first_known.wait(timeout_s)

    def close(self) -> None:
        """Stop following, and end every version that was loaded."""
        self._stop.set()
        self._thread.join(JOIN_S)
        if self._challenging is not None:
            self._challenging.close()
        self._switch.close()

    def _run(self) -> None:
        for record in self._accepted(self._stop):
            self.consider(record)
            self._first_known.set()

    def consider(self, record: bytes | None) -> None:
        """Load what an accepted record names, unless it answers already."""
        self._switch.close_retired()
        if record is None:
            return
        try:
            served = decode_served(record)
        except msgspec.MsgspecError as error:
            self._note("?", f"the accepted record cannot be read: {error}")
            return
        self._failed = {version: own for version, own in self._failed.items() if version in _wanted(served)}
        for version in _wanted(served):
            previous = served.previous if version == served.active else None
            if self._switch.serves(version, previous) or self._bring(version, previous):
                break
        if self._challenging is not None and not self._stop.is_set():
            self._challenging.follow(served, self._switch.next_model)

    def _bring(self, version: str, previous: str | None) -> bool:
        if version in self._failed and self._clock() < self._failed[version][0]:
            return False
        try:
            loaded = self._load(version, previous)
        except Exception as error:  # noqa: BLE001  # whatever a version does, the ones before and after it are followed
            self._note(version, str(error) or type(error).__name__)
            return False
        self._failed.pop(version, None)
        self._switch.stage(loaded)
        log.info("the next batch is answered by", version=version)
        return True

    def _note(self, version: str, why: str) -> None:
        known = self._failed.get(version)
        self._failed[version] = (self._clock() + TRY_AGAIN_S, why)
        if known is None or known[1] != why:
            log.error("version not served, the one before goes on", version=version, why=why)
        if known is None:
            self._on_failure(version)


def _wanted(served: ServedVersions) -> tuple[str, ...]:
    """The active version, and in its place the one that answered before."""
    return (served.active,) if served.previous is None else (served.active, served.previous)
