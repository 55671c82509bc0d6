"""The lane: the loop that carries batches from Kafka to an agent and its decisions back, one transaction a batch.

One thread runs it and alone touches the consumer and the producer. The order of a turn:

1. gather a batch                      4. snapshot what is due, publish and commit in one transaction
2. hand it to the agent                5. only then keep the changes of the state
3. wait for the decision               6. on any failure: forget, read the committed offsets back, redo
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException

from streams.decider import Decider
from streams.kafka.channel import UnitOfWork
from streams.kafka.errors import Fenced, OutcomeUnknown, TransactionAborted, is_fenced
from streams.kafka.handover import Handover
from streams.kafka.idleness import Idleness
from streams.kafka.publisher import FencedProducer, Publisher
from streams.kafka.reader import Reader, to_batches
from streams.kafka.restore import Owned, SnapshotSource, is_transient, restore
from streams.kafka.snapshots import SnapshotDamaged, snapshot_records
from streams.records import Decision, OutboxRecord, RecordBatch

POLL_S = 0.1
"""Longest wait for a first record: bounds how late a stop or an idle mark is noticed."""

LAG_EVERY_S = 1.0
MOST_BACKOFF_S = 5.0


class LaneObserver(Protocol):
    """Told what a lane does, on the lane's thread; must be quick and must not raise."""

    def assigned(self, partitions: list[int]) -> None: ...
    def revoked(self) -> None: ...
    def skipped(self, partition: int, records: int) -> None: ...
    def damaged(self, snapshot: SnapshotDamaged) -> None: ...
    def replayed(self, records: int) -> None: ...
    def decided(self, batch: RecordBatch, decision: Decision, seconds: float) -> None: ...
    def committed(self, batch: RecordBatch, decision: Decision, seconds: float) -> None: ...
    def aborted(self, why: str) -> None: ...
    def failed(self, batch: RecordBatch, error: BaseException) -> None: ...
    def caught_up(self, caught_up: bool) -> None: ...  # noqa: FBT001  # the value is the message
    def lag(self, partition: int, records: int) -> None: ...
    def waiting_for_broker(self, why: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneIdentity:
    """Who this lane is: group, static member and transactional id come from role and slot."""

    group: str
    slot: str
    host: str

    @property
    def instance(self) -> str:
        return f"{self.group}-{self.slot}"


class Lane:
    """`submit` hands a unit of work to the agent's channel, from this thread; `reach` is told the points of a turn."""

    def __init__(
        self,
        *,
        decider: Decider,
        identity: LaneIdentity,
        topic: str,
        state_topic: str,
        make_reader: Callable[..., Reader],
        make_publisher: Callable[..., Publisher],
        snapshots: Callable[[Reader], SnapshotSource],
        submit: Callable[[UnitOfWork], None],
        observer: LaneObserver,
        snapshot_interval_s: float,
        stop: threading.Event,
        reach: Callable[[str], None] = lambda _point: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.decider, self.identity, self.topic, self._state_topic = decider, identity, topic, state_topic
        self._observer, self._reach, self._clock = observer, reach, clock
        self._snapshot_interval_s = snapshot_interval_s
        self._make_snapshots = snapshots
        self._make_reader = make_reader
        self._stop = stop
        self._publisher = make_publisher(
            identity.instance, reach=reach, stop=stop.is_set, waiting=observer.waiting_for_broker
        )
        self._handover = Handover(
            decide=decider.decide,
            submit=submit,
            on_failure=observer.failed,
            generation=lambda: self._generation,
            stop=stop,
            clock=clock,
        )
        self._idleness = Idleness()
        self._assignment: list[int] | None = None
        self._generation = 0
        self._owned: dict[int, Owned] = {}
        self._must_restore = False
        self._state_partitions = 1
        self._lag_due_at = 0.0
        self._failures = 0

    def run(self) -> None:
        """Carry batches until `stop` is set; the batch in flight is answered and committed first.

        Raises Fenced, or KafkaException for what no retry can mend.
        """
        # The producer first: its epoch ends what an earlier holder of the slot left open.
        try:
            self._publisher.open()
        except FencedProducer as error:
            raise self._fenced() from error
        self._reader = self._make_reader(
            topic=self.topic,
            group=self.identity.group,
            instance=self.identity.instance,
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_fatal=self._on_error,
        )
        self._snapshots = self._make_snapshots(self._reader)
        try:
            self._reader.subscribe()
            while not self._stop.is_set():
                self._turn()
        finally:
            self._publisher.close()
            self._reader.close()

    def _turn(self) -> None:
        if self._must_restore and not self._restore():
            self._reader.heartbeat(POLL_S)
            return
        generation = self._generation
        messages = self._reader.gather(POLL_S)
        self._tell_lag()
        if self._generation != generation:
            return  # a rebalance came while gathering: these records may be another worker's now
        if not messages:
            if self._owned and self._assignment is not None:
                self._at_rest()
            return
        self._observer.caught_up(False)
        self._reach("after_consume")
        replay_until = {
            p: owned.replay_until for p, owned in self._owned.items() if owned.position < owned.replay_until
        }
        for batch in to_batches(self.topic, messages, replay_until):
            self._idleness.heard_of(set(batch.partitions))
            if not self._process(batch):
                return
        self._mark_idle()

    # --- a unit of work -------------------------------------------------------------------------------------------

    def _process(self, batch: RecordBatch) -> bool:
        """Carry a batch to its commit. False: it was dropped, and its records will be read again."""
        started = self._clock()
        states = {p: self._owned[p].state for p in set(batch.partitions) | set(batch.idle)}
        try:
            decision = self._handover.ask(self._reader, batch, states)
        except Exception as error:  # noqa: BLE001  # any error of a decision ends here, at the records to blame
            if len(batch) > 1:
                return all(self._process(half) for half in batch.halves())
            decision = self.decider.give_up(batch, error)
        if decision is None:
            return False
        self._observer.decided(batch, decision, self._clock() - started)
        self._reach("after_decide")
        if batch.replay:
            self._keep(batch, decision)
            self._observer.replayed(len(batch))
            return True
        if not len(batch) and not decision.outbox:
            return True
        return self._publish(batch, decision)

    def _publish(self, batch: RecordBatch, decision: Decision) -> bool:
        started = self._clock()
        snapshots, written = self._due_snapshots()
        if snapshots:
            self._reach("in_snapshot")
        offsets = self._next_offsets(batch)
        try:
            self._publisher.publish([*decision.outbox, *snapshots], offsets, self._reader.group_metadata())
        except (TransactionAborted, OutcomeUnknown, FencedProducer) as error:
            self._recover(error)
            return False
        self._failures = 0
        self._reach("after_commit")
        for partition, (offset, sums) in written.items():
            owned = self._owned[partition]
            owned.written, owned.snapshot_offset = sums, offset
        self._keep(batch, decision)
        self._observer.committed(batch, decision, self._clock() - started)
        return True

    def _keep(self, batch: RecordBatch, decision: Decision) -> None:
        for partition, change in decision.changes.items():
            self._owned[partition].state.apply(change)
        for partition, offset in zip(batch.partitions, batch.offsets, strict=True):
            self._owned[partition].position = offset + 1

    def _next_offsets(self, batch: RecordBatch) -> dict[tuple[str, int], int]:
        """Last offset + 1 of each partition. Without records those that are committed already: they change nothing,
        but the broker refuses them, and all that comes with them, from a worker that has lost its partitions."""
        if not len(batch):
            current = {p: owned.position for p, owned in self._owned.items() if owned.position >= owned.replay_until}
            return {(self.topic, p): position for p, position in current.items()}
        # Offsets rise within a partition, so the last one wins.
        return {(self.topic, p): offset + 1 for p, offset in zip(batch.partitions, batch.offsets, strict=True)}

    def _due_snapshots(self) -> tuple[list[OutboxRecord], dict[int, tuple[int, dict[str, str]]]]:
        """Snapshots of what is kept now, so of the state before the batch in hand: its records will be replayed."""
        now = self._clock()
        records: list[OutboxRecord] = []
        written: dict[int, tuple[int, dict[str, str]]] = {}
        for partition, owned in self._owned.items():
            if (
                owned.position < owned.replay_until
                or owned.position == owned.snapshot_offset
                or now < owned.snapshot_due_at
            ):
                continue
            new, sums = snapshot_records(
                self._state_topic,
                self._state_partitions,
                self.decider.role,
                partition,
                owned.position,
                owned.state.dump(),
                owned.written,
            )
            records += new
            written[partition] = (owned.position, sums)
            owned.snapshot_due_at = now + self._snapshot_interval_s
        return records, written

    # --- membership and recovery ----------------------------------------------------------------------------------

    def _on_assign(self, partitions: list[int]) -> None:
        self._assignment = partitions
        self._generation += 1
        self._must_restore = True

    def _on_revoke(self) -> None:
        self._assignment = None
        self._generation += 1
        self._must_restore = False
        self._observer.revoked()

    def _on_error(self, error: KafkaError) -> None:
        if is_fenced(error):
            raise self._fenced()
        if error.fatal() or error.code() == KafkaError._FATAL:
            raise KafkaException(error)
        self._observer.waiting_for_broker(str(error))

    def _restore(self) -> bool:
        """Own what was assigned. False: the broker is not ready for it; try again."""
        partitions = self._assignment or []
        try:
            self._state_partitions = max(1, self._reader.partition_count(self._state_topic, 5.0))
            restored = restore(self.decider, self._reader, self._snapshots, partitions, self._owned, 5.0)
        except KafkaException as error:
            if not is_transient(error):
                raise
            self._observer.waiting_for_broker(str(error))
            return False
        for partition, records in restored.skipped.items():
            self._observer.skipped(partition, records)
        for damaged in restored.damaged:
            self._observer.damaged(damaged)
        self._owned = restored.owned
        self._idleness.clear()
        self._reader.assign({p: owned.position for p, owned in self._owned.items()})
        self._must_restore = False
        self._observer.assigned(partitions)
        return True

    def _recover(self, error: Exception) -> None:
        """After a transaction that did not end well: a clean producer, then back to the committed offsets."""
        self._observer.aborted(f"{type(error).__name__}: {error}")
        if isinstance(error, FencedProducer):
            self._give_way()
        if not isinstance(error, TransactionAborted):
            try:
                self._publisher.renew()
            except FencedProducer as fenced:
                raise self._fenced() from fenced
        self._reader.assign({})
        self._must_restore = self._assignment is not None
        # What fails again and again, such as a record that the broker refuses, must not spin.
        self._failures += 1
        self._stop.wait(min(MOST_BACKOFF_S, 0.05 * 2 ** min(self._failures, 10)))

    def _give_way(self) -> None:
        """A fenced producer means a newer holder of the slot, or a transaction that the broker timed out.

        A newer holder joins the group right after it fenced us, and the group then tells our consumer.
        """
        deadline = self._clock() + 5.0
        while self._clock() < deadline:
            self._reader.heartbeat(POLL_S)

    def _fenced(self) -> Fenced:
        return Fenced(self.identity.slot, self.identity.group, self.identity.host)

    def _tell_lag(self) -> None:
        now = self._clock()
        if now >= self._lag_due_at:
            self._lag_due_at = now + LAG_EVERY_S
            for partition, owned in self._owned.items():
                end = self._reader.last_known_end(partition)
                if partition in self._reader.at_end:
                    self._observer.lag(partition, 0)  # what is left up to the end are transaction markers
                elif end is not None:
                    self._observer.lag(partition, max(0, end - owned.position))

    # --- nothing to do --------------------------------------------------------------------------------------------

    def _mark_idle(self) -> bool:
        """Let the role say which partitions are silent; whether there was one to say."""
        at_end = self._reader.at_end & self._owned.keys()
        marks = self._idleness.due(at_end, self._clock())
        if marks:
            self._process(RecordBatch(self.topic, [], [], [], [], [], [], idle=marks))
        return bool(marks)

    def _at_rest(self) -> None:
        """No record anywhere: note who is at the end, mark the idle, and write the snapshots that are due."""
        at_end = self._reader.at_end & self._owned.keys()
        for partition in at_end:
            # What is left before the committed offset are transaction markers.
            owned = self._owned[partition]
            owned.position = max(owned.position, owned.replay_until)
        self._observer.caught_up(len(at_end) == len(self._owned))
        if not self._mark_idle() and any(
            owned.snapshot_offset not in (None, owned.position) and self._clock() >= owned.snapshot_due_at
            for owned in self._owned.values()
        ):
            self._publish(RecordBatch(self.topic, [], [], [], [], [], []), Decision([], {}))
