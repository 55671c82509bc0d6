"""Keeps that version loaded which challenges the one that answers, and gives it to the batches of that one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import structlog

from drift.challenge import Challenge
from models.prediction import Model
from streams.challenger_thread import ChallengerThread
from streams.decide.contest import Challenger
from streams.decide.serving import Serving
from streams.encoding import AnswerEncoder
from streams.serving_commands import ServedVersions

log = structlog.get_logger("streams.challenging")


class _Standing(NamedTuple):
    """A challenge, as it is followed here."""

    champion: str
    challenge: Challenge
    thread: ChallengerThread


class Challenging:
    """Follows what was accepted about one model."""

    def __init__(
        self,
        start: Callable[[str, Model], ChallengerThread],
        encoder: Callable[[Model], AnswerEncoder],
        on_change: Callable[[str | None], None] = lambda _version: None,
    ) -> None:
        """`start` loads a version that is to challenge a model; `encoder` writes answers of such a version. `on_change`
        is told which version challenges now."""
        self._start, self._encoder, self._on_change = start, encoder, on_change
        self._lock, self._is_closed = threading.Lock(), False
        self._standing: _Standing | None = None
        self._ready: tuple[_Standing, Challenger] | None = None

    def follow(self, served: ServedVersions, champion: Model | None) -> None:
        """Let the challenger that was accepted stand against `champion`, the model that answers the next batch: none,
        where that is not the one it was accepted against. For the thread that follows."""
        with self._lock:
            self._follow(served, champion)

    def _follow(self, served: ServedVersions, champion: Model | None) -> None:
        challenge = served.challenger
        if self._is_closed or champion is None or champion.version != served.active:
            challenge = None
        standing = self._standing
        if challenge is None or champion is None:
            self._end(None)
            return
        if standing is not None and (standing.champion, standing.thread.version) == (
            champion.version,
            challenge.version,
        ):
            if standing.challenge != challenge:
                self._standing = standing._replace(challenge=challenge)
            return
        self._end(challenge.version)
        self._standing = _Standing(champion.version, challenge, self._start(challenge.version, champion))
        log.info("challenger", version=challenge.version, champion=champion.version, share=challenge.share)

    def of(self, serving: Serving) -> Challenger | None:
        """Who challenges the version that answers this batch. For the thread that answers."""
        standing = self._standing
        if self._ready is not None and self._ready[0] is not standing:
            self._ready = None  # it holds a model
        if standing is None or standing.champion != serving.model.version or standing.thread.loaded is None:
            return None
        if self._ready is None:
            model, edges, _ = standing.thread.loaded
            own = Challenger(
                champion=standing.champion,
                model=model,
                encoder=self._encoder(model),
                share=standing.challenge.share,
                ask=standing.thread.ask,
                clock=time.monotonic,
                edges=edges if standing.challenge.has_band else None,
            )
            self._ready = standing, own
        return self._ready[1]

    def close(self) -> None:
        """None stands from now on, whatever is followed later."""
        with self._lock:
            self._is_closed = True
            self._end(None)

    def _end(self, following: str | None) -> None:
        standing, self._standing = self._standing, None
        if standing is not None:
            standing.thread.close()
        if standing is not None or following is not None:
            self._on_change(following)
