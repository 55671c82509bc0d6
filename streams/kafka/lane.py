"""The lane: the loop that carries batches from Kafka to an agent and its decisions back, one transaction a batch.

One thread runs it and alone touches the consumer and the producer. The order of a turn:

1. gather a batch                      4. snapshot what is due, publish and commit in one transaction
2. hand it to the agent                5. only then keep the changes of the state
3. wait for the decision               6. on any failure: forget, read the committed offsets back, redo

Under load the next batch is gathered and handed over in the middle of 4, while the broker writes the records.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException

from streams.decider import Decider
from streams.kafka.backoff import Backoff
from streams.kafka.channel import UnitOfWork
from streams.kafka.errors import (
    Fenced,
    FencedProducer,
    LaneError,
    OutcomeUnknown,
    RecordRefused,
    TransactionAborted,
    without_frames,
)
from streams.kafka.handover import Handover
from streams.kafka.identity import LaneIdentity
from streams.kafka.idleness import Idleness
from streams.kafka.membership import ASK_S, Membership
from streams.kafka.ownership import Ownership
from streams.kafka.pace import Pace
from streams.kafka.reader import Reader, to_batches
from streams.kafka.restore import SnapshotSource, is_transient
from streams.kafka.rights import HINDERED, Hindrance, hindrance_in
from streams.kafka.snapshots import SnapshotDamaged
from streams.records import Decision, OutboxRecord, RecordBatch

POLL_S = 0.1
"""Longest wait for a first record: bounds how late a stop or an idle mark is noticed."""

LAG_EVERY_S = 1.0


class LaneObserver(Protocol):
    """Told what a lane does, on the lane's thread; must be quick and must not raise."""

    def assigned(self, partitions: list[int]) -> None: ...
    def revoked(self) -> None: ...
    def skipped(self, partition: int, records: int) -> None: ...
    def made_anew(self, partition: int, offset: int) -> None: ...
    def snapshots_lost(self) -> None: ...
    def damaged(self, snapshot: SnapshotDamaged) -> None: ...
    def replayed(self, records: int) -> None: ...
    def decided(self, batch: RecordBatch, decision: Decision, seconds: float) -> None: ...
    def committed(self, batch: RecordBatch, decision: Decision, seconds: float) -> None: ...
    def aborted(self, why: str) -> None: ...
    def failed(self, batch: RecordBatch, error: BaseException) -> None: ...
    def caught_up(self, caught_up: bool) -> None: ...  # noqa: FBT001  # the value is the message
    def lag(self, partition: int, records: int) -> None: ...
    def waiting_for_broker(self, why: str) -> None: ...
    def hindered(self, hindrance: Hindrance, *, publishing: bool) -> None: ...


class Publishing(Protocol):
    """The producing side (streams.kafka.publisher, streams.kafka.at_least_once), with what it raises."""

    def open(self) -> None: ...
    def renew(self) -> None: ...
    def close(self) -> None: ...
    def is_superseded(self, topic: str, group: Any) -> bool: ...
    def publish(
        self,
        outbox: Sequence[OutboxRecord],
        offsets: Mapping[tuple[str, int], int],
        group: Any,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None: ...


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
        make_publisher: Callable[..., Publishing],
        snapshots: Callable[[Reader], SnapshotSource],
        submit: Callable[[UnitOfWork], None],
        observer: LaneObserver,
        snapshot_interval_s: float,
        max_records: int,
        stop: threading.Event,
        explain: Callable[[KafkaError | None], Hindrance | None] = lambda _error: None,
        state_topic_is_another: Callable[[], bool] = lambda: False,
        reach: Callable[[str], None] = lambda _point: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._explain, self._state_topic_is_another = explain, state_topic_is_another
        self.decider, self.identity, self.topic, self._state_topic = decider, identity, topic, state_topic
        self._observer, self._reach, self._clock = observer, reach, clock
        self._ownership = Ownership(decider, topic, state_topic, interval_s=snapshot_interval_s, clock=clock)
        self._pace = Pace(max_records)
        self._make_snapshots = snapshots
        self._stop = stop
        self._member = Membership(
            identity, topic, make_reader, revoked=observer.revoked, trouble=self._trouble, superseded=self._superseded
        )
        self._publisher = make_publisher(identity.instance, reach=reach, stop=stop.is_set, waiting=self._waiting)
        self._handover = Handover(
            decider=decider,
            submit=submit,
            on_failure=observer.failed,
            generation=lambda: self._member.generation,
            stop=stop,
            clock=clock,
        )
        self._idleness = Idleness()
        self._ahead: RecordBatch | None = None
        self._state_partitions = 1
        self._lag_due_at = 0.0
        self._redoing = Backoff(stop.is_set)  # what fails again and again, such as a refused record, must not spin

    def run(self) -> None:
        """Carry batches until `stop` is set; the batch in flight is answered and committed first, one ahead given up.

        Raises Fenced, or KafkaException for what no retry can mend.
        """
        # The producer first: its epoch ends what an earlier holder of the slot left open.
        self._renew()
        self._member.join()
        self._restoring = Backoff(self._stop.is_set, meanwhile=self._heartbeat)
        try:
            while not self._stop.is_set():
                self._turn()
        finally:
            self._drop_ahead()
            self._publisher.close()
            self._member.leave()

    @property
    def _reader(self) -> Reader:
        return self._member.reader

    @property
    def _at_end(self) -> set[int]:
        """Own partitions that were read to their end."""
        return self._reader.at_end & self._ownership.partitions.keys()

    def _heartbeat(self, seconds: float) -> None:
        self._reader.heartbeat(seconds)  # of whichever reader there is by then

    def _turn(self) -> None:
        self._member.recover()
        if self._state_topic_is_another():
            # Also where nothing was to be written while it was away, so that nothing failed.
            self._observer.snapshots_lost()
            self._ownership.forget_written()
            self._member.restore_again()  # it may have other partitions
        if self._member.must_restore:
            self._drop_ahead()
            if not self._restore():
                self._reader.heartbeat(POLL_S)
                return
        ahead, self._ahead = self._ahead, None
        batches = self._gather(POLL_S) if ahead is None else [ahead]
        self._tell_lag()
        if batches is None:
            return
        if not batches:
            if self._ownership.partitions and self._member.assignment is not None:
                self._at_rest()
            return
        self._observer.caught_up(False)
        for batch in batches:
            if not self._process(batch, look_ahead=batch is batches[-1]):
                self._drop_ahead()
                return
        if self._ahead is None:
            self._mark_idle()

    def _gather(self, timeout_s: float) -> list[RecordBatch] | None:
        """The next records, those to replay first. None: by a rebalance or an error they may be others' by now."""
        generation = self._member.generation
        messages = self._reader.gather(timeout_s, self._pace.limit)
        if self._member.generation != generation:
            return None
        if not messages:
            return []
        self._reach("after_consume")
        batches = to_batches(self.topic, messages, self._ownership.replaying())
        for batch in batches:
            self._idleness.heard_of(set(batch.partitions))
        return batches

    # --- the batch ahead ------------------------------------------------------------------------------------------

    def _look_ahead(self) -> None:
        """Under load, let the agent prepare the next batch. A rebalance on the way ends the transaction in hand: its
        offsets come from a member that is no longer one."""
        # Without a backlog a batch gains more by waiting for its neighbours; silence is told, and replays end, between
        # batches.
        silence = self._idleness.is_due(self._at_end, self._clock())
        if not self._reader.has_more or self._stop.is_set() or silence or self._ownership.replaying():
            return
        batches = self._gather(0.0)
        if batches:
            (self._ahead,) = batches  # one, since nothing is replayed
            self._handover.begin(self._ahead, self._ownership.states(self._ahead))

    def _drop_ahead(self) -> None:
        self._ahead = None
        self._handover.drop()

    # --- a unit of work -------------------------------------------------------------------------------------------

    def _process(self, batch: RecordBatch, *, look_ahead: bool = False) -> bool:
        """Carry a batch to its commit. False: it was dropped, and its records will be read again."""
        try:
            decision = self._handover.ask(self._reader, batch, self._ownership.states(batch))
        except Exception as error:  # noqa: BLE001  # any error of a decision ends here, at the records to blame
            return self._narrow_down(batch, error)
        if decision is None:
            return False
        seconds = self._handover.seconds
        self._pace.took(len(batch), seconds)
        self._observer.decided(batch, decision, seconds)
        self._reach("after_decide")
        if batch.replay:
            self._ownership.keep(batch, decision)
            self._observer.replayed(len(batch))
            return True
        if look_ahead:
            return self._publish(batch, decision, meanwhile=self._look_ahead)
        return self._publish(batch, decision)

    def _narrow_down(self, batch: RecordBatch, error: Exception) -> bool:
        """A batch that no decision, or no publication, is possible for: halve it, down to the record to blame."""
        if len(batch) > 1:
            return all(self._process(half) for half in batch.halves())
        decision = self.decider.give_up(batch, error)
        if batch.replay:
            self._ownership.keep(batch, decision)
            return True
        return self._publish(batch, decision, given_up=error)

    def _publish(
        self,
        batch: RecordBatch,
        decision: Decision,
        given_up: Exception | None = None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> bool:
        started = self._clock()
        due = self._ownership.due_snapshots(self._state_partitions)
        if not len(batch) and not decision.outbox and not due.records:
            return True
        if due.records:
            self._reach("in_snapshot")
        offsets = self._ownership.next_offsets(batch)
        failure: LaneError | None = None
        try:
            self._publisher.publish([*decision.outbox, *due.records], offsets, self._reader.group_metadata(), meanwhile)
        except (TransactionAborted, OutcomeUnknown, FencedProducer) as error:
            failure = without_frames(error)
        if failure is not None:
            return self._not_published(batch, failure, given_up)
        self._redoing.reset()
        self._reach("after_commit")
        self._ownership.written(due)
        self._ownership.keep(batch, decision)
        self._handover.proceed()
        self._observer.committed(batch, decision, self._clock() - started)
        return True

    def _not_published(self, batch: RecordBatch, failure: LaneError, given_up: Exception | None) -> bool:
        if isinstance(failure, RecordRefused):
            if self._is_to_blame(batch, failure, given_up):
                self._observer.failed(batch, failure)
                self._renew()
                return self._narrow_down(batch, failure)
            self._observer.hindered(Hindrance(f"{failure.topic} refuses a record", str(failure)), publishing=True)
        self._recover(failure)
        return False

    def _is_to_blame(self, batch: RecordBatch, refused: RecordRefused, given_up: Exception | None) -> bool:
        """Whether fewer records, or another answer, may mend a refusal. Of one record given up for it, and refused
        again by the same topic, nothing smaller can be published: that waits for the topic's owner."""
        if not len(batch) or refused.topic == self._state_topic:
            return False
        return not isinstance(given_up, RecordRefused) or given_up.topic != refused.topic

    # --- membership and recovery ----------------------------------------------------------------------------------

    def _superseded(self, group: Any) -> bool:
        superseded = self._publisher.is_superseded(self.topic, group)
        if not superseded:
            self._renew()
        return superseded

    def _trouble(self, error: KafkaError) -> None:
        """An error that the consumer goes on from by itself."""
        self._waiting(error)
        if error.code() in HINDERED:
            self._redoing.wait()

    def _waiting(self, error: KafkaError) -> None:
        """The broker keeps this lane waiting: it is away, or what the lane needs is not there or not allowed."""
        hindrance = self._explain(error) if error.code() in HINDERED else None
        if hindrance is None:
            self._observer.waiting_for_broker(error.str())
        else:
            self._observer.hindered(hindrance, publishing=False)

    def _restore(self) -> bool:
        """Own what was assigned. False: the broker is not ready for it; try again."""
        partitions = self._member.assignment or []
        try:
            self._state_partitions = max(1, self._reader.partition_count(self._state_topic, ASK_S))
            restored = self._ownership.restore(self._reader, self._make_snapshots(self._reader), partitions, ASK_S)
        except KafkaException as error:
            if not is_transient(error):
                raise
            self._waiting(error.args[0])
            self._restoring.wait()
            return False
        self._restoring.reset()
        for partition, records in restored.skipped.items():
            self._observer.skipped(partition, records)
        for partition, offset in restored.made_anew.items():
            self._observer.made_anew(partition, offset)
        for damaged in restored.damaged:
            self._observer.damaged(damaged)
        self._idleness.clear()
        self._reader.assign(self._ownership.starts())
        self._member.must_restore = False
        self._observer.assigned(partitions)
        return True

    def _recover(self, error: Exception) -> None:
        """After a transaction that did not end well: a clean producer, then back to the committed offsets."""
        hindrance = self._explain(hindrance_in(error))
        if hindrance is not None:
            self._observer.hindered(hindrance, publishing=True)
            if self._state_topic in hindrance.absent:
                self._ownership.forget_written()
        self._observer.aborted(f"{type(error).__name__}: {error}")
        if isinstance(error, FencedProducer):
            self._give_way()
        self._renew()
        self._reader.assign({})
        self._member.restore_again()
        self._redoing.wait()

    def _renew(self) -> None:
        try:
            self._publisher.renew()
        except FencedProducer as error:
            raise self._fenced() from error

    def _give_way(self) -> None:
        """A fenced producer means a newer holder of the slot, or a transaction that the broker timed out.

        A newer holder joins the group right after it fenced us, and the group then tells our consumer.
        """
        deadline = self._clock() + 5.0
        while self._clock() < deadline and self._member.fatal is None and not self._stop.is_set():
            self._reader.heartbeat(POLL_S)
        self._member.recover()

    def _fenced(self) -> Fenced:
        return Fenced(self.identity.slot, self.identity.group, self.identity.host)

    def _tell_lag(self) -> None:
        now = self._clock()
        if now >= self._lag_due_at:
            self._lag_due_at = now + LAG_EVERY_S
            for partition, owned in self._ownership.partitions.items():
                end = self._reader.last_known_end(partition)
                if partition in self._reader.at_end:
                    self._observer.lag(partition, 0)  # what is left up to the end are transaction markers
                elif end is not None:
                    self._observer.lag(partition, max(0, end - owned.position))

    # --- nothing to do --------------------------------------------------------------------------------------------

    def _mark_idle(self) -> bool:
        """Let the role say which partitions are silent; whether there was one to say."""
        marks = self._idleness.due(self._at_end, self._clock())
        if marks:
            self._process(RecordBatch(self.topic, [], [], [], [], [], [], idle=marks))
        return bool(marks)

    def _at_rest(self) -> None:
        """No record anywhere: note who is at the end, mark the idle, and write the snapshots that are due."""
        at_end = self._at_end
        for partition in at_end:
            self._ownership.reached_end(partition)
        self._observer.caught_up(len(at_end) == len(self._ownership.partitions))
        if not self._mark_idle() and self._ownership.snapshot_is_due():
            self._publish(RecordBatch(self.topic, [], [], [], [], [], []), Decision([], {}))
