"""A small role for the lane's contract: it numbers and sums what it reads, so a loss, a double or a swap shows."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from streams.decider import PartitionState
from streams.kafka.at_least_once import AtLeastOncePublisher
from streams.kafka.channel import UnitOfWork
from streams.kafka.identity import LaneIdentity
from streams.kafka.lane import Lane
from streams.kafka.publisher import Publisher
from streams.kafka.reader import Reader
from streams.kafka.restore import SnapshotReader, is_transient
from streams.records import Decision, OutboxRecord, RecordBatch
from tests.kafka.topics import Topics
from tests.waiting import DEADLINE_S

SESSION_MS = 6000


class Total:
    """How many records of a partition were seen, and the sum of their values."""

    def __init__(self, count: int = 0, total: int = 0) -> None:
        self.count, self.total = count, total

    def apply(self, change: tuple[int, int]) -> None:
        self.count += change[0]
        self.total += change[1]

    def dump(self) -> dict[str, bytes]:
        return {"total": msgspec.json.encode([self.count, self.total])}


class Tally:
    """Answers the value v at offset o with [v, o, records so far, sum so far]; refuses what `poison` names."""

    role = "tally"

    def __init__(self, output: str, poison: frozenset[bytes] = frozenset()) -> None:
        self.output, self.poison = output, poison

    def load(self, partition: int, entries: Mapping[str, bytes]) -> Total:
        return Total(*msgspec.json.decode(entries["total"])) if entries else Total()

    def prepare(self, _batch: RecordBatch) -> None:
        pass

    def decide(self, states: Mapping[int, PartitionState], batch: RecordBatch, _prepared: None) -> Decision:
        if self.poison.intersection(batch.values):
            raise ValueError("poison")
        seen: dict[int, list[int]] = {}
        outbox = []
        for partition, offset, value in zip(batch.partitions, batch.offsets, batch.values, strict=True):
            state = states[partition]
            assert isinstance(state, Total)
            count, total = seen.setdefault(partition, [0, 0])
            seen[partition] = [count + 1, total + int(value or b"0")]
            answer = [int(value or b"0"), offset, state.count + count + 1, state.total + seen[partition][1]]
            outbox.append(OutboxRecord(self.output, None, msgspec.json.encode(answer), partition))
        outbox += [OutboxRecord(self.output, b"idle", str(ms).encode(), p) for p, ms in batch.idle.items()]
        return Decision([] if batch.replay else outbox, {p: tuple(change) for p, change in seen.items()})

    def give_up(self, batch: RecordBatch, error: Exception) -> Decision:
        return Decision(
            [
                OutboxRecord(self.output, b"given up", msgspec.json.encode(o), p)
                for p, o in zip(batch.partitions, batch.offsets, strict=True)
            ],
            {},
        )


@dataclass
class Watcher:
    """Writes down what the lane reports."""

    events: list[tuple[str, Any]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *details, **_named: self.events.append((name, details))

    def count(self, name: str) -> int:
        return sum(1 for event, _ in self.events if event == name)


def _publishing(topics: Topics, config: dict[str, Any]) -> Callable[..., Publisher | AtLeastOncePublisher]:
    if topics.delivery == "exactly_once":
        return functools.partial(Publisher, config)
    return functools.partial(AtLeastOncePublisher, config, books=frozenset({topics.name("state")}))


class LaneRun:
    """One lane on a thread, with an asyncio loop in another that plays the agent."""

    def __init__(
        self,
        topics: Topics,
        decider: Any,
        slot: str = "0",
        *,
        reach: Callable[[str], None] = lambda _point: None,
        publisher: type[Publisher] | None = None,
        max_bytes: int = 1 << 20,
        max_records: int = 500,
        snapshot_interval_s: float = 0.2,
        linger_s: float = 0.005,
    ) -> None:
        self.seen = Watcher()
        self.error: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._executor = ThreadPoolExecutor(1)
        self.submitted: list[RecordBatch] = []
        self.stopping = threading.Event()
        config = {"bootstrap.servers": topics.bootstrap_servers}
        state_topic = topics.name("state")
        self.lane = Lane(
            decider=decider,
            identity=LaneIdentity(group=topics.name("group"), slot=slot, host="here"),
            topic=topics.name("in"),
            state_topic=state_topic,
            make_reader=functools.partial(
                Reader,
                config,
                session_timeout_ms=SESSION_MS,
                max_bytes=max_bytes,
                linger_s=linger_s,
            ),
            make_publisher=functools.partial(publisher, config) if publisher else _publishing(topics, config),
            snapshots=lambda reader: SnapshotReader(
                config, state_topic, lambda: reader.partition_count(state_topic, 5), 20, time.monotonic
            ),
            submit=self._submit,
            observer=self.seen,
            snapshot_interval_s=snapshot_interval_s,
            max_records=max_records,
            stop=self.stopping,
            reach=reach,
        )
        self._agent = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _submit(self, unit: UnitOfWork) -> None:
        self.submitted.append(unit.batch)
        asyncio.run_coroutine_threadsafe(unit.answer(self._executor), self._loop)

    def _run(self) -> None:
        try:
            self.lane.run()
        except BaseException as error:  # noqa: BLE001  # the test looks at it
            self.error = error

    def start(self) -> LaneRun:
        self._agent.start()
        self._thread.start()
        return self

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(DEADLINE_S)
        assert self.ended, "the lane did not end"
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._agent.join(5)
        self._executor.shutdown(wait=False)

    def stop(self) -> None:
        self.stopping.set()
        self.join()


@contextmanager
def running(*runs: LaneRun, beside: tuple[LaneRun, ...] = ()) -> Iterator[None]:
    """Start the lanes, and stop those that still run; an error that the test did not look at is raised. A failure tells
    what they saw, and what those `beside` them did, which run already."""
    for run in runs:
        run.start()
    try:
        yield
    except BaseException as error:
        for run in (*runs, *beside):
            told = [event for event in run.seen.events if event[0] not in ("lag", "caught_up")]
            last = [f"{name} {str(details[-1:])[:300]}" for name, details in told[-20:]]
            why = "".join(traceback.format_exception(run.error)) if run.error else "nothing yet"
            error.add_note(f"the lane ended by {why}; it saw {last}")
        raise
    finally:
        for run in runs:
            run.stopping.set()
        for run in runs:
            run.join()
    for run in runs:
        if run.error is not None:
            raise run.error


class Stream:
    """The input and the output of a test's lane."""

    def __init__(self, topics: Topics, partitions: int = 3) -> None:
        self.topics, self.partitions = topics, partitions
        self.input = topics.create("in", partitions)
        self.output = topics.create("out", partitions)
        topics.create("state", partitions, {"cleanup.policy": "compact"})
        self._producer = Producer(
            {"bootstrap.servers": topics.bootstrap_servers, "enable.idempotence": True, "log_level": 2}
        )
        self.sent: dict[int, list[int]] = {p: [] for p in range(partitions)}
        self._next = 0
        self._group = self._consumer(group=topics.name("group"))

    def send(self, count: int) -> None:
        """Publish the next `count` numbers, over the partitions in turn."""
        for _ in range(count):
            self._next += 1
            partition = self._next % self.partitions
            self._producer.produce(self.input, str(self._next).encode(), partition=partition)
            self.sent[partition].append(self._next)
        assert self._producer.flush(30) == 0

    def send_into_nothing(self, count: int) -> None:
        """Publish numbers that a broker in trouble may or may not take; `recount` tells which it took."""
        for _ in range(count):
            self._next += 1
            self._producer.produce(self.input, str(self._next).encode(), partition=self._next % self.partitions)
        self._producer.poll(0)

    def recount(self) -> None:
        """Take what the input topic holds for what was sent."""
        assert self._producer.flush(60) == 0
        found = self.outputs(self.input)
        self.sent = {partition: [value for _, value in records] for partition, records in found.items()}

    def send_raw(self, value: bytes, partition: int = 0) -> None:
        self._producer.produce(self.input, value, partition=partition)
        assert self._producer.flush(30) == 0

    @property
    def total(self) -> int:
        return sum(map(len, self.sent.values()))

    def committed_end(self) -> bool:
        """Whether the group has committed everything that was sent."""
        wanted = [TopicPartition(self.input, p) for p in range(self.partitions)]
        try:
            ends = {tp.partition: self._group.get_watermark_offsets(tp, 10)[1] for tp in wanted}
            return all(max(found.offset, 0) >= ends[found.partition] for found in self._group.committed(wanted, 10))
        except KafkaException as error:
            if is_transient(error):
                return False
            raise

    def close(self) -> None:
        self._group.close()

    def outputs(self, topic: str | None = None) -> dict[int, list[tuple[bytes | None, Any]]]:
        """Everything visible to a read_committed consumer now, by partition, in order."""
        topic = topic or self.output
        consumer = self._consumer(group=uuid.uuid4().hex)
        found: dict[int, list[tuple[bytes | None, Any]]] = {p: [] for p in range(self.partitions)}
        waiting = set(range(self.partitions))
        consumer.assign([TopicPartition(topic, p, 0) for p in waiting])
        deadline = time.monotonic() + DEADLINE_S
        try:
            while waiting:
                assert time.monotonic() < deadline, f"{topic} could not be read to its end"
                for message in consumer.consume(500, 0.1):
                    partition, error = cast("int", message.partition()), message.error()
                    if error is None:
                        key, value = cast("tuple[bytes | None, bytes]", (message.key(), message.value()))
                        found[partition].append((key, msgspec.json.decode(value)))
                    elif error.code() == KafkaError._PARTITION_EOF:
                        waiting.discard(partition)
        finally:
            consumer.close()
        return found

    def answers(self) -> dict[int, list[list[int]]]:
        return {p: [value for key, value in records if key is None] for p, records in self.outputs().items()}

    def repeats(self) -> int:
        """Answers that were there before."""
        return sum(len(answers) - len({answer[1] for answer in answers}) for answers in self.answers().values())

    def assert_delivered(self) -> None:
        """Every number once, in order, with the count and the sum of an uninterrupted run. With at_least_once that
        holds of what is left when repeats of an offset are dropped, and a repeat says the same."""
        for partition, published in self.answers().items():
            answers = published
            if self.topics.delivery == "at_least_once":
                first = {answer[1]: answer for answer in reversed(published)}
                assert all(answer == first[answer[1]] for answer in published), "a repeat says something else"
                seen: set[int] = set()
                answers = [a for a in published if not (a[1] in seen or seen.add(a[1]))]  # type: ignore[func-returns-value]
            sent = self.sent[partition]
            assert [answer[0] for answer in answers] == sent
            assert [answer[2] for answer in answers] == list(range(1, len(sent) + 1))
            assert [answer[3] for answer in answers] == [sum(sent[: n + 1]) for n in range(len(sent))]

    def _consumer(self, group: str) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self.topics.bootstrap_servers,
                "log_level": 2,
                "group.id": group,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
            }
        )
