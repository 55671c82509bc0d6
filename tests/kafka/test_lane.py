"""The lane's contract: nothing lost, nothing doubled, in order, and the state as if all were calm.

All of it holds on a real Kafka; what is marked `on_every_lane` or `on_both_brokers` is the subset that the embedded
broker must hold too. With at_least_once a repeat is allowed that says the same under the same id.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from streams.decider import AnswerRefused
from streams.demo.kraft import KafkaCluster
from streams.kafka import handover
from streams.kafka.channel import AgentStopped, UnitOfWork
from streams.kafka.errors import Fenced
from streams.kafka.patience import Patience
from streams.kafka.publisher import Publisher
from streams.kafka.service import STOP_DEADLINE_S
from tests.faults.fleet import POINTS
from tests.kafka.lane_kit import LaneRun, Stream, Tally, running
from tests.kafka.topics import Topics
from tests.waiting import until

on_every_lane = pytest.mark.parametrize(
    ("topics", "delivery"),
    [("kafka", "exactly_once"), ("kafka", "at_least_once"), ("embedded", "exactly_once")],
    indirect=True,
)
on_both_brokers = pytest.mark.parametrize("topics", ["kafka", "embedded"], indirect=True)
in_both_deliveries = pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"], indirect=True)


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


@on_every_lane
def test_every_record_is_answered_once_and_in_order(stream: Stream, topics: Topics) -> None:
    stream.send(3000)
    with running(LaneRun(topics, Tally(stream.output))):
        in_bursts(stream, 5)
    stream.assert_delivered()


@on_every_lane
@pytest.mark.parametrize("interval", [0.0, 3600.0], ids=["snapshot each batch", "one snapshot"])
def test_state_goes_on_after_a_restart(stream: Stream, topics: Topics, interval: float) -> None:
    for _ in range(3):
        stream.send(300)
        with running(LaneRun(topics, Tally(stream.output), snapshot_interval_s=interval)):
            in_bursts(stream, 2)
    stream.assert_delivered()


@on_every_lane
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_any_point_loses_and_doubles_nothing(stream: Stream, topics: Topics, point: str) -> None:
    run = LaneRun(topics, Tally(stream.output), reach=raising_at(point, Crash()), max_records=50).start()
    stream.send(600)
    until(lambda: run.ended, f"the lane crashed at {point}")
    run.join()
    assert isinstance(run.error, Crash)
    with running(LaneRun(topics, Tally(stream.output))):
        until(stream.committed_end, "the next holder of the slot caught up")
    stream.assert_delivered()


@on_every_lane
def test_an_aborted_transaction_is_redone_from_the_committed_offsets(stream: Stream, topics: Topics) -> None:
    failure = KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT))
    run = LaneRun(topics, Tally(stream.output), reach=raising_at("after_produce", failure, times=3), max_records=50)
    stream.send(600)
    with running(run):
        until(stream.committed_end, "all is committed")
    assert run.seen.count("aborted") == 3
    stream.assert_delivered()


@on_every_lane
@pytest.mark.parametrize("point", ["after_offsets", "before_commit"])
def test_an_unknown_outcome_is_looked_up_and_redone(stream: Stream, topics: Topics, point: str) -> None:
    failure = KafkaException(KafkaError(KafkaError._TIMED_OUT))
    run = LaneRun(topics, Tally(stream.output), reach=raising_at(point, failure, times=2), max_records=50)
    stream.send(600)
    with running(run):
        until(stream.committed_end, "all is committed")
    assert run.seen.count("aborted") == 2
    stream.assert_delivered()


class LosesAnswers(Publisher):
    """The broker commits, but the answer never reaches the lane."""

    lost = 0

    def _commit(self, producer: Producer, patience: Patience) -> None:
        super()._commit(producer, patience)
        if LosesAnswers.lost < 3:
            LosesAnswers.lost += 1
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


def test_at_least_once_repeats_what_was_not_committed_and_nothing_else(kafka: KafkaCluster) -> None:
    topics = Topics(kafka.bootstrap_servers, delivery="at_least_once")
    stream = Stream(topics)
    failure = KafkaException(KafkaError(KafkaError._TIMED_OUT))
    run = LaneRun(topics, Tally(stream.output), reach=raising_at("after_offsets", failure, times=2), max_records=50)
    stream.send(600)
    with running(run):
        until(stream.committed_end, "all is committed")
    assert 0 < stream.repeats() <= 100, "two batches of at most 50"
    stream.assert_delivered()
    stream.close()
    topics.close()


def small(stream: Stream, topic: str, bytes_: int) -> None:
    """Let the topic take no more than so many bytes a record batch."""
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    entry = ConfigEntry("max.message.bytes", str(bytes_), incremental_operation=AlterConfigOpType.SET)
    resource.add_incremental_config(entry)
    admin = AdminClient({"bootstrap.servers": stream.topics.bootstrap_servers})
    admin.incremental_alter_configs([resource])[resource].result(30)


NOISE = Random(1).randbytes(5000)  # does not compress


class Wordy(Tally):
    """Its answer to the value 7777777 is too long for a small topic, and so is its word that there is none."""

    def __init__(self, output: str, *, always: bool = False) -> None:
        super().__init__(output)
        self.always = always
        self.refused: list[str] = []

    def decide(self, states: Any, batch: Any, prepared: Any) -> Any:
        decision = super().decide(states, batch, prepared)
        long = [
            record._replace(headers=[("why", NOISE)])
            if record.key is None and msgspec.json.decode(record.value or b"")[0] == 7777777
            else record
            for record in decision.outbox
        ]
        return replace(decision, outbox=long)

    def give_up(self, batch: Any, error: Exception) -> Any:
        assert isinstance(error, AnswerRefused)
        self.refused.append(error.topic)
        decision = super().give_up(batch, error)
        if self.always:
            return replace(decision, outbox=[r._replace(headers=[("why", NOISE)]) for r in decision.outbox])
        return decision


@in_both_deliveries
def test_an_answer_that_the_broker_refuses_for_its_size_is_given_up_alone(stream: Stream, topics: Topics) -> None:
    small(stream, stream.output, 4096)
    stream.send(60)
    stream.send_raw(b"7777777", partition=1)
    stream.send(60)
    decider = Wordy(stream.output)
    with running(LaneRun(topics, decider)):
        until(stream.committed_end, "all is committed")
    assert decider.refused == [stream.output]
    outputs = stream.outputs()
    assert [key for records in outputs.values() for key, _ in records].count(b"given up") == 1
    for partition, answers in stream.answers().items():
        assert list(dict.fromkeys(answer[0] for answer in answers)) == stream.sent[partition]


def test_what_no_topic_takes_is_waited_for_and_goes_on_when_the_topic_takes_it(stream: Stream, topics: Topics) -> None:
    small(stream, stream.output, 4096)
    stream.send_raw(b"7777777")
    run = LaneRun(topics, Wordy(stream.output, always=True))
    with running(run):
        until(lambda: run.seen.count("aborted") >= 2, "it was tried again")
        assert all("max.message.bytes" in why for event, (why, *_) in run.seen.events if event == "aborted")
        small(stream, stream.output, 100_000)
        until(stream.committed_end, "all is committed")
    assert sum(map(len, stream.outputs().values())) == 1


@on_both_brokers
def test_a_commit_whose_answer_was_lost_is_not_done_twice(stream: Stream, topics: Topics) -> None:
    LosesAnswers.lost = 0
    run = LaneRun(topics, Tally(stream.output), publisher=LosesAnswers, max_records=50)
    stream.send(600)
    with running(run):
        until(stream.committed_end, "all is committed")
    assert LosesAnswers.lost == 3
    stream.assert_delivered()


@in_both_deliveries
def test_the_newest_holder_of_a_slot_wins_and_the_other_is_told(stream: Stream, topics: Topics) -> None:
    old = LaneRun(topics, Tally(stream.output)).start()
    in_bursts(stream, 1)
    with running(LaneRun(topics, Tally(stream.output)), beside=(old,)):
        until(lambda: old.ended, "the old holder gave way")
        in_bursts(stream, 2)
    old.join()
    assert isinstance(old.error, Fenced)
    assert (old.error.slot, old.error.host) == ("0", "here")
    assert "worker.slot" in str(old.error)
    stream.assert_delivered()


@in_both_deliveries
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
    stream.assert_delivered()


@on_every_lane
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

    def decide(self, states: Any, batch: Any, prepared: Any) -> Any:
        if self.times and len(batch):
            self.times -= 1
            self.trouble()
        return super().decide(states, batch, prepared)


def stopped() -> None:
    raise AgentStopped


@on_every_lane
def test_a_batch_whose_agent_was_stopped_is_handed_over_again(stream: Stream, topics: Topics) -> None:
    stream.send(300)
    with running(LaneRun(topics, Unwell(stream.output, stopped, 3))):
        until(stream.committed_end, "all is committed")
    stream.assert_delivered()


@on_every_lane
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
    stream.assert_delivered()


class Ahead(Tally):
    """Notes how many batches were prepared, and whether a decision came before the batch before it was committed."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.committed = self.prepared = self.decided = self.early = 0

    def prepare(self, batch: Any) -> None:
        self.prepared += 1
        return super().prepare(batch)

    def decide(self, states: Any, batch: Any, prepared: Any) -> Any:
        self.early += self.decided > self.committed
        self.decided += 1
        return super().decide(states, batch, prepared)

    def begins_the_next(self) -> bool:
        return self.prepared > self.decided

    def reach(self, point: str) -> None:
        if point == "before_commit" and self.committed < 3:
            until(self.begins_the_next, "the next batch is prepared before this one is committed")
        self.committed += point == "after_commit"


@in_both_deliveries
def test_under_load_the_next_batch_is_prepared_but_not_decided_before_a_commit(stream: Stream, topics: Topics) -> None:
    stream.send(600)
    decider = Ahead(stream.output)
    with running(LaneRun(topics, decider, reach=decider.reach, max_records=50)):
        until(stream.committed_end, "all is committed")
    assert decider.committed >= 12
    assert decider.early == 0
    stream.assert_delivered()


@in_both_deliveries
def test_what_is_ahead_of_a_batch_that_fails_is_read_again(stream: Stream, topics: Topics) -> None:
    decider, failure = Ahead(stream.output), KafkaException(KafkaError(KafkaError._TIMED_OUT))
    failing = raising_at("before_commit", failure, times=3)

    def reach(point: str) -> None:
        decider.reach(point)
        failing(point)

    stream.send(600)
    run = LaneRun(topics, decider, reach=reach, max_records=50)
    with running(run):
        until(stream.committed_end, "all is committed")
    assert run.seen.count("aborted") == 3
    stream.assert_delivered()


@in_both_deliveries
def test_a_rebalance_that_is_heard_of_within_a_transaction_tears_nothing(stream: Stream, topics: Topics) -> None:
    """The next batch is gathered there, and that is where a member hears of its group."""
    decider, newcomer = Ahead(stream.output), LaneRun(topics, Tally(stream.output), "1", max_records=50)

    def reach(point: str) -> None:
        decider.reach(point)
        if point == "after_produce" and decider.committed == 3 and newcomer.ended:
            newcomer.start()
            run.lane._reader.heartbeat(0.0)
            until(lambda: run.lane._reader.heartbeat(0.05) or run.seen.count("revoked") > 0, "it is revoked")

    run = LaneRun(topics, decider, "0", reach=reach, max_records=50)
    stream.send(1500)
    try:
        with running(run, beside=(newcomer,)):
            until(lambda: newcomer.seen.count("committed") > 0, "the newcomer has its share")
            until(stream.committed_end, "all is committed")
    finally:
        newcomer.stopping.set()
    newcomer.join()
    assert newcomer.error is None
    assert run.seen.count("aborted") > 0
    stream.assert_delivered()


@in_both_deliveries
def test_an_agent_that_is_stopped_with_a_batch_ahead_in_hand_gets_it_again(stream: Stream, topics: Topics) -> None:
    class Stopped(Ahead):
        times = 2

        def decide(self, states: Any, batch: Any, prepared: Any) -> Any:
            if self.committed and self.times:
                self.times -= 1
                raise AgentStopped
            return super().decide(states, batch, prepared)

    stream.send(600)
    decider = Stopped(stream.output)
    with running(LaneRun(topics, decider, reach=decider.reach, max_records=50)):
        until(stream.committed_end, "all is committed")
    assert decider.times == 0
    stream.assert_delivered()


@in_both_deliveries
def test_a_stop_under_load_gives_up_the_batch_ahead(stream: Stream, topics: Topics) -> None:
    stream.send(3000)
    decider = Ahead(stream.output)
    run = LaneRun(topics, decider, reach=decider.reach, max_records=50).start()
    until(lambda: decider.committed >= 3, "some are committed")
    run.stopping.set()
    until(lambda: run.ended, "the lane ended", deadline_s=STOP_DEADLINE_S)
    run.join()
    with running(LaneRun(topics, Tally(stream.output))):
        until(stream.committed_end, "the next holder of the slot answered the rest")
    assert stream.repeats() == 0
    stream.assert_delivered()


class Swallows(LaneRun):
    """Its agent takes the first units from the channel and never begins them."""

    swallowed = 0

    def _submit(self, unit: UnitOfWork) -> None:
        if len(unit.batch) and self.swallowed < 2:
            self.swallowed += 1
            return
        super()._submit(unit)


@in_both_deliveries
def test_a_batch_that_no_agent_ever_begins_is_taken_back_and_handed_over_again(
    stream: Stream, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "UNDELIVERED_S", 1.5)
    run = Swallows(topics, Tally(stream.output))
    stream.send(300)
    with running(run):
        until(stream.committed_end, "all is committed")
    assert run.swallowed == 2
    assert run.seen.count("assigned") == 1, "and the partitions were kept"
    stream.assert_delivered()


@in_both_deliveries
def test_a_stop_does_not_wait_for_an_agent_that_never_answers(stream: Stream, topics: Topics) -> None:
    for_ever = threading.Event()

    def hang() -> None:
        for_ever.wait()

    hanging = LaneRun(topics, Unwell(stream.output, hang, 1)).start()
    stream.send(300)
    until(lambda: len(hanging.submitted) > 0, "the agent has a batch")
    hanging.stopping.set()
    until(lambda: hanging.ended, "the lane ended without its agent", deadline_s=STOP_DEADLINE_S)
    for_ever.set()
    hanging.join()
    with running(LaneRun(topics, Tally(stream.output))):
        until(stream.committed_end, "the next holder of the slot answered")
    assert stream.repeats() == 0
    stream.assert_delivered()


@in_both_deliveries
def test_a_slow_agent_gets_batches_that_it_can_decide_about_in_time(stream: Stream, topics: Topics) -> None:
    class Slow(Tally):
        def decide(self, states: Any, batch: Any, prepared: Any) -> Any:
            for_ever.wait(0.005 * len(batch))  # 5 ms a record
            return super().decide(states, batch, prepared)

    for_ever = threading.Event()
    run = LaneRun(topics, Slow(stream.output), max_records=8192)
    stream.send(900)
    with running(run):
        until(stream.committed_end, "all is committed")
    assert max(map(len, run.submitted)) <= 200, "a second's worth"
    assert run.seen.count("assigned") == 1
    stream.assert_delivered()


@in_both_deliveries
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
    stream.assert_delivered()


@on_every_lane
def test_batches_stay_under_the_byte_limit(stream: Stream, topics: Topics) -> None:
    for number in range(60):
        stream.send_raw(str(number).encode().rjust(1000, b"0"), partition=number % 3)
    run = LaneRun(topics, Tally(stream.output), max_bytes=4096)
    with running(run):
        until(stream.committed_end, "all is committed")
    sizes = [sum(len(value or b"") for value in batch.values) for batch in run.submitted]
    assert max(sizes) <= 4096
    assert sum(map(len, stream.answers().values())) == 60


@on_every_lane
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
    stream.assert_delivered()


@in_both_deliveries
@pytest.mark.parametrize("at_once", [1, 200], ids=["now and then", "more than it can do"])
def test_a_silent_partition_is_marked_idle_while_others_are_busy(stream: Stream, topics: Topics, at_once: int) -> None:
    """Else a partition without events would hold back drift for all."""
    run = LaneRun(topics, Tally(stream.output), max_records=2)

    def marked() -> bool:
        for _ in range(at_once):
            stream.send_raw(b"1", partition=1)
        return any(key == b"idle" for key, _ in stream.outputs()[0])

    stream.send_raw(b"1", partition=0)
    with running(run):
        until(marked, "partition 0 is marked while partition 1 is fed")
    assert not any(key == b"idle" for key, _ in stream.outputs()[1])


@on_every_lane
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
    stream.assert_delivered()


@on_every_lane
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
