"""What a lane tells, turned into metrics, signs of progress and log lines."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from streams.contracts import Stage
from streams.telemetry.busy import Activity
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import LaneProgress

if TYPE_CHECKING:
    from streams.kafka.rights import Hindrance
    from streams.kafka.snapshots import SnapshotDamaged
    from streams.records import Decision, RecordBatch


class LaneTelemetry:
    """Observes one lane, on its thread. `on_committed` counts what the role's decision came to,
    `on_assigned` hears which partitions the lane reads from now on."""

    def __init__(
        self,
        role: str,
        topic: str,
        *,
        metrics: Metrics,
        progress: LaneProgress,
        on_committed: Callable[[RecordBatch, Decision], None],
        on_assigned: Callable[[list[int]], None] = lambda _partitions: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topic, self._metrics, self._progress = topic, metrics, progress
        self._on_committed, self._on_assigned, self._clock = on_committed, on_assigned, clock
        self._log = structlog.get_logger("streams.lane").bind(role=role, topic=topic)
        self._since = clock()
        self._partitions: list[int] = []
        self._waiting = False
        self._hindrances: set[Hindrance] = set()
        self._only_reading = False

    def assigned(self, partitions: list[int]) -> None:
        """State is restored; the lane reads these partitions."""
        now = self._spent(Activity.IDLE)
        self._partitions = partitions
        self._waiting = False
        self._progress.assigned(partitions, now)
        self._metrics.assigned(self._topic, partitions)
        self._on_assigned(partitions)
        log = self._log.debug if self._hindrances else self._log.info
        log("assigned", partitions=partitions)

    def revoked(self) -> None:
        """The partitions are being given to others, or given again."""
        self._progress.rebalancing(self._spent(Activity.IDLE))
        self._log.info("revoked", partitions=self._partitions)

    def skipped(self, partition: int, records: int) -> None:
        """Records were deleted from the topic before anybody answered them."""
        self._metrics.deleted_unread(self._topic, records)
        self._log.error("records were deleted before they were read", partition=partition, records=records)

    def made_anew(self, partition: int, offset: int) -> None:
        """The topic was deleted and made again; what was in it is gone, and its new records are read from the first."""
        why = "the topic was made anew, or the group's offsets are gone"
        self._log.error("reading from the beginning", why=why, partition=partition, stood_at=offset)

    def snapshots_lost(self) -> None:
        """The state topic was deleted and made again; all of the state is written to it anew."""
        self._log.warning("the state topic was made anew; writing whole snapshots")

    def damaged(self, snapshot: SnapshotDamaged) -> None:
        """A snapshot could not be used; the state is rebuilt from the source."""
        self._log.error("snapshot damaged", partition=snapshot.partition, why=snapshot.why)

    def replayed(self, records: int) -> None:
        """Records that were answered before were taken into the state again."""
        self._progress.committed(self._spent(Activity.BUSY))
        self._log.debug("replayed", records=records)

    def decided(self, batch: RecordBatch, _decision: Decision, seconds: float) -> None:
        """The agent has answered; nothing is published yet."""
        self._log.debug("decided", records=len(batch), seconds=seconds)

    def committed(self, batch: RecordBatch, decision: Decision, seconds: float) -> None:
        """Outbox, offsets and snapshots are in; readers can see them."""
        self._progress.committed(self._spent(Activity.BUSY))
        self._waiting = False
        self._found()
        if len(batch):
            self._metrics.batch_committed(self._topic, len(batch), seconds)
            self._metrics.stage_took(Stage.PUBLISH, seconds)
        else:
            self._metrics.transaction_ended("committed", seconds)
        self._on_committed(batch, decision)

    def aborted(self, why: str) -> None:
        """Nothing of the batch was published, or nobody knows; it will be redone."""
        seconds = self._clock() - self._since
        # The broker's doing, or its network's: a lane that tries again is not stuck, and a restart would not mend it.
        self._progress.broker(up=False, now=self._spent(Activity.BACK_PRESSURED))
        self._metrics.transaction_ended("unknown" if why.startswith("OutcomeUnknown") else "aborted", seconds)
        # Of what is missing everything was said.
        log = self._log.debug if self._hindrances else self._log.warning
        log("transaction did not commit; the batch is redone", why=why)

    def failed(self, batch: RecordBatch, error: BaseException) -> None:
        """The agent raised on a batch; it is redone, then split."""
        self._progress.failed(self._spent(Activity.BUSY))
        self._log.error("batch failed", records=len(batch), exc_info=error)

    def caught_up(self, caught_up: bool) -> None:  # noqa: FBT001  # the lane's protocol
        """Whether the end of every partition was seen since the last record; told each time records came, or none."""
        now = self._spent(Activity.IDLE)
        self._progress.caught_up(caught_up, now)
        if caught_up and self._only_reading:
            self._only_reading = False
            self._progress.unhindered(now)
            self._found()

    def lag(self, partition: int, records: int) -> None:
        """Records of a partition that are still to be answered."""
        self._metrics.lag(self._topic, partition, records)

    def waiting_for_broker(self, why: str) -> None:
        """The broker does not answer; the client goes on trying."""
        self._progress.broker(up=False, now=self._spent(Activity.BACK_PRESSURED))
        if not self._waiting:
            self._log.warning("waiting for the broker", why=why)
        self._waiting = True

    def hindered(self, hindrance: Hindrance, *, publishing: bool) -> None:
        """A topic or a right is missing, for reading or for publishing; it is tried again until it is there."""
        self._only_reading = not publishing
        self._progress.hindered(f"{hindrance.what}: {hindrance.why}", self._spent(Activity.BACK_PRESSURED))
        if hindrance not in self._hindrances:
            self._log.error(hindrance.what, why=hindrance.why)
            self._hindrances.add(hindrance)

    def _found(self) -> None:
        if self._hindrances:
            self._log.info("what was missing is there; going on")
            self._hindrances.clear()

    def _spent(self, activity: Activity) -> float:
        now = self._clock()
        self._metrics.worker_spent(activity, now - self._since)
        self._since = now
        return now
