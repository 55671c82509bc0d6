"""The shape of every role's pure middle: state per source partition, and a decision about a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from streams.records import Decision, RecordBatch

Entry: TypeAlias = bytes | memoryview
"""A part of a state as it is written."""


class StateUnusable(Exception):
    """Entries of a snapshot that this version or these settings cannot go on from; the message says why."""


class AnswerRefused(Exception):
    """Kafka does not take a record that a decision wants published to `topic`, such as one that is too large there."""

    topic: str
    why: str


class PartitionState(Protocol):
    """What a role remembers of one source partition. Only the lane changes it, through `apply`, after a commit."""

    def apply(self, change: Any) -> None:
        """Take in the change that a decision named for this partition."""
        ...

    def dump(self) -> Mapping[str, Entry]:
        """Every entry of the state under its name, as bytes that depend on nothing but the state. The lane writes
        those that differ from the last snapshot, and a tombstone for those that are gone."""
        ...


class Decider(Protocol):
    """Called by one lane. `prepare` and `decide` never run at once; `load` and `give_up` may beside them."""

    @property
    def role(self) -> str:
        """`predict`, `drift`, …: names the group, the lane and the snapshots."""
        ...

    def load(self, partition: int, entries: Mapping[str, bytes]) -> PartitionState:
        """Build the state of a partition from the entries of a snapshot; no entries: the state of a fresh start.

        Raises StateUnusable; the lane then starts afresh and replays what the source topic still has.
        """
        ...

    def prepare(self, batch: RecordBatch) -> Any:
        """What can be found out about a batch without any state: done while the batch before it is being committed."""
        ...

    def decide(self, states: Mapping[int, PartitionState], batch: RecordBatch, prepared: Any) -> Decision:
        """Decide about a batch without changing `states` or anything else, so that it can be redone.
        With `batch.replay` the outbox must be empty; with `batch.idle` the batch has no records."""
        ...

    def give_up(self, batch: RecordBatch, error: Exception) -> Decision:
        """What to publish for a single record that `decide` raised on twice, or whose answer was refused
        (AnswerRefused); for an idle batch nothing."""
        ...
