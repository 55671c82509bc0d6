"""The lane's contract: nothing lost, nothing doubled, in order, and the state as if all were calm.

All of it holds on a real Kafka; what is marked `on_both_brokers` is the subset that the embedded broker must hold too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from streams.kafka.channel import AgentStopped
from streams.kafka.errors import Fenced
from streams.kafka.publisher import Publisher
from tests.kafka.lane_kit import LaneRun, Stream, Tally, running, until
from tests.kafka.topics import Topics

POINTS = [
    "after_consume",
    "after_decide",
    "in_snapshot",
    "after_produce",
    "after_offsets",
    "before_commit",
    "after_commit",
]

on_both_brokers = pytest.mark.parametrize("topics", ["kafka", "embedded"], indirect=True)


class Crash(BaseException):
    """Ends a lane as a kill would: nothing after the point runs but the closing of sockets."""


def raising_at(point: str, error: BaseException, times: int = 1, after: int = 2) -> Callable[[str], None]:
    """Raise at the `after`-th time that `point` is reached, and the next `times` - 1 ones."""
    reached = 0

    def reach(now: str) -> None:
        nonlocal reached
        if now == point:
            reached += 1
            if after <= reached < after + times:
                raise error

    return reach


def in_bursts(stream: Stream, bursts: int, size: int = 60) -> None:
    for _ in range(bursts):
        stream.send(size)
        until(stream.committed_end, "the burst is committed")


@on_both_brokers
def test_every_record_is_answered_once_and_in_order(stream: Stream, topics: Topics) -> None:
    stream.send(3000)
    with running(LaneRun(topics, Tally(stream.output))):
        in_bursts(stream, 5)
    stream.assert_exactly_once()


@on_both_brokers
@pytest.mark.parametrize("interval", [0.0, 3600.0], ids=["snapshot each batch", "one snapshot"])
def test_state_goes_on_after_a_restart(stream: Stream, topics: Topics, interval: float) -> None:
    for _ in range(3):
        stream.send(300)
        with running(LaneRun(topics, Tally(stream.output), snapshot_interval_s=interval)):
            in_bursts(stream, 2)
    stream.assert_exactly_once()


@on_both_brokers
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_any_point_loses_and_doubles_nothing(stream: Stream, topics: Topics, point: str) -> None:
    run = LaneRun(topics, Tally(stream.output), reach=raising_at(point, Crash()), max_records=50).start()
    stream.send(600)
    until(lambda: run.ended, f"the lane crashed at {point}")
    run.join()
    assert isinstance(run.error, Crash)
    with running(LaneRun(topics, Tally(stream.output))):
        until(stream.committed_end, "the next holder of the slot caught up")
    stream.assert_exactly_once()


@on_both_brokers
def test_an_aborted_transaction_is_redone_from_the_committed_offsets(stream: Stream, topics: Topics) -> None:
    failure = KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT))
    run = LaneRun(topics, Tally(stream.output), reach=raising_at("after_produce", failure, times=3), max_records=50)
    stream.send(600)
    with running(run):
        until(stream.committed_end, "all is committed")
    assert run.seen.count("aborted") == 3
    stream.assert_exactly_once()


@on_both_brokers
@pytest.mark.parametrize("point", ["after_offsets", "before_commit"])
def test_an_unknown_outcome_is_looked_up_and_redone(stream: Stream, topics: Topics, point: str) -> None:
    failure = KafkaException(KafkaError(KafkaError._TIMED_OUT))
    run = LaneRun(topics, Tally(stream.output), reach=raising_at(point, failure, times=2), max_records=50)
    stream.send(600)
    with running(run):
        until(stream.committed_end, "all is committed")
    assert run.seen.count("aborted") == 2
    stream.assert_exactly_once()


class LosesAnswers(Publisher):
    """The broker commits, but the answer never reaches the lane."""

    lost = 0

    def _commit(self, producer: Producer) -> None:
        super()._commit(producer)
        if LosesAnswers.lost < 3:
            LosesAnswers.lost += 1
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


@on_both_brokers
def test_a_commit_whose_answer_was_lost_is_not_done_twice(stream: Stream, topics: Topics) -> None:
    LosesAnswers.lost = 0
    run = LaneRun(topics, Tally(stream.output), publisher=LosesAnswers, max_records=50)
    stream.send(600)
    with running(run):
        until(stream.committed_end, "all is committed")
    assert LosesAnswers.lost == 3
    stream.assert_exactly_once()


def test_the_newest_holder_of_a_slot_wins_and_the_other_is_told(stream: Stream, topics: Topics) -> None:
    old = LaneRun(topics, Tally(stream.output)).start()
    in_bursts(stream, 1)
    with running(LaneRun(topics, Tally(stream.output))):
        until(lambda: old.ended, "the old holder gave way")
        in_bursts(stream, 2)
    old.join()
    assert isinstance(old.error, Fenced)
    assert (old.error.slot, old.error.host) == ("0", "here")
    assert "worker.slot" in str(old.error)
    stream.assert_exactly_once()


def test_a_second_worker_takes_its_share_and_the_state_moves_with_it(stream: Stream, topics: Topics) -> None:
    first, second = LaneRun(topics, Tally(stream.output), "0"), LaneRun(topics, Tally(stream.output), "1")
    with running(first):
        in_bursts(stream, 2)
        with running(second):
            until(lambda: second.seen.count("assigned") > 0, "the second worker got partitions")
            in_bursts(stream, 3)
            assert second.seen.count("committed") > 0
        until(lambda: len(first.seen.events) > 0 and first.seen.events[-1][0] != "revoked", "the first one goes on")
        in_bursts(stream, 2)
    stream.assert_exactly_once()


@on_both_brokers
def test_a_record_that_no_decision_can_be_made_about_does_not_stop_its_neighbours(
    stream: Stream, topics: Topics
) -> None:
    stream.send(30)
    stream.send_raw(b"9999999", partition=1)
    stream.send(30)
    run = LaneRun(topics, Tally(stream.output, poison=frozenset({b"9999999"})))
    with running(run):
        until(stream.committed_end, "all is committed")
    outputs = stream.outputs()
    assert [key for records in outputs.values() for key, _ in records].count(b"given up") == 1
    assert {p: [value[0] for key, value in records if key is None] for p, records in outputs.items()} == stream.sent


class Unwell(Tally):
    """An agent that is stopped with the batch in hand, or takes its time, the first times."""

    def __init__(self, output: str, trouble: Callable[[], None], times: int) -> None:
        super().__init__(output)
        self.trouble, self.times = trouble, times

    def decide(self, states: Any, batch: Any) -> Any:
        if self.times and len(batch):
            self.times -= 1
            self.trouble()
        return super().decide(states, batch)


def stopped() -> None:
    raise AgentStopped


@on_both_brokers
def test_a_batch_whose_agent_was_stopped_is_handed_over_again(stream: Stream, topics: Topics) -> None:
    stream.send(300)
    with running(LaneRun(topics, Unwell(stream.output, stopped, 3))):
        until(stream.committed_end, "all is committed")
    stream.assert_exactly_once()


@on_both_brokers
def test_an_agent_that_takes_longer_than_the_lane_waits_keeps_its_partitions(stream: Stream, topics: Topics) -> None:
    release = threading.Event()

    def wait_for_release() -> None:
        release.wait(20)

    run = LaneRun(topics, Unwell(stream.output, wait_for_release, 1), max_records=50)
    stream.send(300)
    with running(run):
        until(lambda: len(run.submitted) > 0, "the agent has a batch")
        threading.Timer(3.0, release.set).start()
        until(stream.committed_end, "all is committed")
    assert run.seen.count("assigned") == 1
    stream.assert_exactly_once()


def test_a_rebalance_while_the_agent_takes_its_time_drops_the_batch_and_goes_on(stream: Stream, topics: Topics) -> None:
    """A partition that was paused when it was taken away comes back paused, and would stay silent for ever."""
    release = threading.Event()

    def wait_for_release() -> None:
        release.wait(30)

    slow = LaneRun(topics, Unwell(stream.output, wait_for_release, 1), "0")
    stream.send(60)
    with running(slow):
        until(lambda: len(slow.submitted) > 0, "the agent has a batch")
        with running(LaneRun(topics, Tally(stream.output), "1")):
            until(lambda: slow.seen.count("assigned") > 1, "the slow worker was assigned anew")
            release.set()
            in_bursts(stream, 2)
    stream.assert_exactly_once()


@on_both_brokers
def test_batches_stay_under_the_byte_limit(stream: Stream, topics: Topics) -> None:
    for number in range(60):
        stream.send_raw(str(number).encode().rjust(1000, b"0"), partition=number % 3)
    run = LaneRun(topics, Tally(stream.output), max_bytes=4096)
    with running(run):
        until(stream.committed_end, "all is committed")
    sizes = [sum(len(value or b"") for value in unit.batch.values) for unit in run.submitted]
    assert max(sizes) <= 4096
    assert sum(map(len, stream.answers().values())) == 60


@on_both_brokers
def test_a_partition_read_to_its_end_is_marked_idle_ever_more_rarely(stream: Stream, topics: Topics) -> None:
    run = LaneRun(topics, Tally(stream.output))

    def idle_times() -> list[int]:
        return [value for key, value in stream.outputs()[0] if key == b"idle"]

    stream.send(30)
    with running(run):
        until(lambda: len(idle_times()) >= 3, "three marks")
        stream.send(30)
        until(lambda: len(idle_times()) >= 5, "marks anew")
    times = idle_times()
    again = next(n for n in range(1, len(times)) if times[n] < times[n - 1])
    assert times[0] >= 1000
    assert all(later >= 2 * earlier for earlier, later in pairwise(times[:again]))
    assert times[again] < times[again - 1]
    stream.assert_exactly_once()


def test_a_silent_partition_is_marked_idle_while_others_are_busy(stream: Stream, topics: Topics) -> None:
    """Else a partition without events would hold back drift for all."""
    run = LaneRun(topics, Tally(stream.output))

    def marked() -> bool:
        stream.send_raw(b"1", partition=1)
        return any(key == b"idle" for key, _ in stream.outputs()[0])

    stream.send_raw(b"1", partition=0)
    with running(run):
        until(marked, "partition 0 is marked while partition 1 is fed")
    assert not any(key == b"idle" for key, _ in stream.outputs()[1])


@on_both_brokers
def test_a_damaged_snapshot_is_noticed_and_the_state_rebuilt(stream: Stream, topics: Topics) -> None:
    with running(LaneRun(topics, Tally(stream.output))):
        in_bursts(stream, 2)
    producer = Producer({"bootstrap.servers": topics.bootstrap_servers})
    for partition in range(stream.partitions):
        producer.produce(topics.name("state"), b"[1,1]", f"tally/{partition}/total".encode(), partition)
    assert producer.flush(30) == 0
    run = LaneRun(topics, Tally(stream.output))
    with running(run):
        in_bursts(stream, 1)
    assert run.seen.count("damaged") == stream.partitions
    stream.assert_exactly_once()


@on_both_brokers
def test_snapshots_are_json_headers_with_checksums_and_never_pickles(stream: Stream, topics: Topics) -> None:
    with running(LaneRun(topics, Tally(stream.output))):
        in_bursts(stream, 2)
    state = Stream.__new__(Stream)
    state.topics, state.partitions, state.output = topics, stream.partitions, topics.name("state")
    records = [record for partition in state.outputs().values() for record in partition]
    headers = [value for key, value in records if key is not None and key.count(b"/") == 1]
    assert headers
    assert all(set(header) == {"format", "role", "partition", "offset", "entries"} for header in headers)
    assert msgspec.json.encode(headers[0])
