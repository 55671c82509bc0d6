"""Lanes that go wrong about what they read: offsets, seeks and replays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import wait
from typing import Any

from confluent_kafka import Message

from streams.decider import PartitionState
from streams.kafka import lane as lane_module
from streams.kafka.errors import TransactionAborted
from streams.kafka.handover import Handover
from streams.kafka.lane import Lane
from streams.kafka.ownership import Ownership
from streams.kafka.reader import to_batches
from streams.records import Decision, RecordBatch


def commit_first() -> None:
    """Offsets in a transaction of their own, before the answers."""
    publish = Lane._publish

    def wrong(self: Lane, batch: RecordBatch, decision: Decision, *more: Any, **named: Any) -> bool:
        try:
            self._publisher.publish([], self._ownership.next_offsets(batch), self._reader.group_metadata())
        except TransactionAborted as error:
            self._recover(error)
            return False
        return publish(self, batch, decision, *more, **named)

    Lane._publish = wrong  # type: ignore[method-assign]


def no_seek_after_abort() -> None:
    """An aborted batch is forgotten; reading goes on behind it."""

    def wrong(self: Lane, error: Exception) -> None:
        self._observer.aborted(str(error))
        self._renew()

    Lane._recover = wrong  # type: ignore[method-assign]


def decided_before_its_turn() -> None:
    """A batch ahead is decided about while the one before it is still being committed."""
    begin = Handover.begin

    def wrong(self: Handover, batch: RecordBatch, states: Mapping[int, PartitionState]) -> None:
        begin(self, batch, states)
        self.proceed()
        assert self._begun is not None
        wait([self._begun.decision], 5)  # on a busy machine the commit may be quicker, and the lane right by chance

    Handover.begin = wrong  # type: ignore[method-assign]


def offsets_one_too_low() -> None:
    """The last offset of a batch is committed, not the one behind it."""
    Ownership.next_offsets = _off_by(-1)  # type: ignore[method-assign,assignment]


def offsets_one_too_high() -> None:
    """A record behind the batch is committed with it."""
    Ownership.next_offsets = _off_by(1)  # type: ignore[method-assign,assignment]


def replayed_published_again() -> None:
    """Records before the committed offset are answered like any other."""

    def wrong(topic: str, messages: list[Message], _replaying: Mapping[int, int]) -> list[RecordBatch]:
        return to_batches(topic, messages, {})

    lane_module.to_batches = wrong  # type: ignore[attr-defined,assignment]


def _off_by(records: int) -> Callable[[Ownership, RecordBatch], dict[tuple[str, int], int]]:
    right = Ownership.next_offsets

    def wrong(self: Ownership, batch: RecordBatch) -> dict[tuple[str, int], int]:
        offsets = right(self, batch)
        return {at: max(0, offset + records) for at, offset in offsets.items()} if len(batch) else offsets

    return wrong
