"""The broker is away: at the start, in flight, for a moment or for minutes. Wait, say so, do not spin, stop in time."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from streams.demo.kraft import KafkaCluster
from streams.kafka.client import BrokerUnreachable
from streams.kafka.coordinators import describing_groups
from streams.kafka.errors import EXIT_FENCED
from streams.kafka.groups import group_progress
from streams.kafka.removing import remove_groups
from streams.kafka.rights import Rights
from streams.kafka.service import STOP_DEADLINE_S
from tests.conftest import CACHE, SHORT_LIVED
from tests.faults.workload import publish_model
from tests.kafka.lane_kit import LaneRun, Stream, Tally, running
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import Traffic, Worker, assert_at_rest, make_topics
from tests.kafka.worker_kit import until as wait_until
from tests.waiting import until

OUTAGES_S = {"commit": [1], "nightly": [1, 20, 120], "full": [1, 20, 120]}[os.environ.get("TIER", "commit")]

in_both_deliveries = pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"], indirect=True)


@pytest.fixture(scope="module")
def own_kafka(kafka: KafkaCluster) -> Iterator[KafkaCluster]:
    """A broker that these tests may stop; asking for `kafka` too says what the suite needs."""
    with KafkaCluster(1, cache=CACHE, jvm_options=SHORT_LIVED) as cluster:
        yield cluster


@pytest.fixture
def topics(own_kafka: KafkaCluster, delivery: str) -> Iterator[Topics]:
    mine = Topics(own_kafka.bootstrap_servers, delivery=delivery)
    yield mine
    mine.close()


def away(cluster: KafkaCluster, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Kill the broker, and start it again so much later."""
    cluster.kill()
    meanwhile()
    threading.Event().wait(seconds)  # the length of the outage is what is tested
    cluster.restart()


@in_both_deliveries
def test_a_broker_that_is_away_at_the_start_is_waited_for(
    own_kafka: KafkaCluster, stream: Stream, topics: Topics
) -> None:
    stream.send(300)
    run = LaneRun(topics, Tally(stream.output))
    own_kafka.kill()
    with running(run):
        try:
            until(lambda: run.seen.count("waiting_for_broker") > 0, "the lane says what it waits for")
        finally:
            own_kafka.restart()
        until(stream.committed_end, "all is committed")
    stream.assert_delivered()


@pytest.mark.timeout(400)
@in_both_deliveries
@pytest.mark.parametrize("seconds", OUTAGES_S)
def test_a_broker_that_goes_away_in_flight_costs_nothing_but_time(
    own_kafka: KafkaCluster, stream: Stream, topics: Topics, seconds: float, figures: Callable[[str], None]
) -> None:
    run = LaneRun(topics, Tally(stream.output), max_records=20)
    stream.send(3000)
    with running(run):
        until(lambda: run.seen.count("committed") > 5, "the lane is at work")
        away(own_kafka, seconds)
        back = time.monotonic()
        until(stream.committed_end, "all is committed", deadline_s=40)
        figures(f"{stream.total} records caught up with {time.monotonic() - back:.1f} s after an outage of {seconds} s")
    stream.assert_delivered()


@in_both_deliveries
def test_a_lane_stops_in_time_with_its_broker_away(own_kafka: KafkaCluster, stream: Stream, topics: Topics) -> None:
    run = LaneRun(topics, Tally(stream.output), max_records=20).start()
    stream.send(3000)
    until(lambda: run.seen.count("committed") > 5, "the lane is at work")
    own_kafka.kill()
    try:
        run.stopping.set()
        until(lambda: run.ended, "the lane ended", deadline_s=STOP_DEADLINE_S)
        run.join()
        assert run.error is None
    finally:
        own_kafka.restart()
    with running(LaneRun(topics, Tally(stream.output))):
        until(stream.committed_end, "the next holder of the slot answered")
    stream.assert_delivered()


@pytest.fixture
def worker(topics: Topics, tmp_path: Path) -> Worker:
    """A `weir worker` for this test's topics, not started yet."""
    publish_model(tmp_path / "registry")
    make_topics(topics)
    return Worker(topics, tmp_path / "registry", tmp_path, {"bootstrap_servers": topics.bootstrap_servers})


def test_a_worker_waits_quietly_and_stops_with_0_while_its_broker_is_away(
    own_kafka: KafkaCluster, worker: Worker
) -> None:
    with worker:
        wait_until(worker.is_ready, worker, "it is at work")
        own_kafka.kill()
        try:
            wait_until(lambda: worker.says("waiting for the broker"), worker, "it says that it waits")
            assert_at_rest(worker)
            began = time.monotonic()
            assert worker.stop() == 0
            assert time.monotonic() - began < 10
        finally:
            own_kafka.restart()


def test_a_worker_that_lost_its_slot_exits_70_and_stays_away_for_one_session_timeout(
    own_kafka: KafkaCluster, worker: Worker, topics: Topics
) -> None:
    patient = {"WEIR_KAFKA__SESSION_TIMEOUT_MS": "25000"}
    worker.environment |= patient
    servers = {"bootstrap_servers": topics.bootstrap_servers}
    other = Worker(topics, worker.registry, worker.folder / "other", servers, **patient)
    traffic = Traffic(topics)
    worker.start()
    wait_until(worker.is_ready, worker, "the first holder of the slot is at work")
    with other:
        assert worker.process is not None
        assert worker.process.wait(60) == EXIT_FENCED, worker.log()
        assert worker.says("worker ended", "taken over by another worker", "worker.slot")
        traffic.send()
        wait_until(traffic.is_answered, other, "the second one answers")
    worker.start()
    wait_until(lambda: worker.says("another worker took this slot a moment ago"), worker, "it stays away at first")
    wait_until(worker.is_ready, worker, "and then takes its place")
    traffic.send()
    wait_until(traffic.is_answered, worker, "it answers")
    assert worker.stop() == 0
    traffic.assert_exactly_once()


def is_described(servers: str, group: str) -> bool:
    """Whether the group's coordinator answers; a broker that just came takes a while to be one."""
    with describing_groups({"bootstrap.servers": servers}, [group]) as asked:
        return asked[group].exception(30) is None


def ask_about_groups(servers: str, topic: str, group: str, pipe: Connection) -> None:
    """Every question of ours that the group's coordinator answers: in vain, and then until it has answered often."""
    config = {"bootstrap.servers": servers}
    pipe.send("ready")
    assert pipe.recv() == "the broker stalls"
    with describing_groups(config, [group]) as asked:
        assert Rights(config, {}, group, group).missing() == []
        with pytest.raises(BrokerUnreachable):
            group_progress(config, group, topic, timeout_s=1.0)
        assert remove_groups(config, [group], timeout_s=1.0).keys() == {group}
        assert not asked[group].done()
        pipe.send("nobody answers")
        assert pipe.recv() == "the broker is back"
        assert asked[group].result(30).group_id == group
    for _ in range(10):  # who came first would have had its answer, too
        until(lambda: is_described(servers, group), "its coordinator answers")


def test_questions_about_a_group_that_a_stall_leaves_unanswered_do_not_end_the_process(
    own_kafka: KafkaCluster, topics: Topics
) -> None:
    """librdkafka fails an assertion where such a request timed out and its coordinator comes back."""
    servers, topic, group = topics.bootstrap_servers, topics.create("events"), topics.name("group")
    until(lambda: is_described(servers, group), "it has a coordinator")
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    asking = context.Process(target=ask_about_groups, args=(servers, topic, group, theirs))
    asking.start()
    theirs.close()
    try:
        assert ours.poll(60)
        assert ours.recv() == "ready"
        own_kafka.pause()
        try:
            ours.send("the broker stalls")
            assert ours.poll(60)
            assert ours.recv() == "nobody answers"
        finally:
            own_kafka.resume()
        ours.send("the broker is back")
        asking.join(60)
        assert asking.exitcode == 0
    finally:
        asking.kill()


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 300 MB in memory; needs the right to mount."""
    folder = Path(tempfile.mkdtemp(prefix="weir-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


@pytest.mark.timeout(240)
def test_a_broker_whose_disk_is_full_costs_nothing_but_time(kafka: KafkaCluster, small_disk: Path) -> None:
    """Kafka shuts itself down then; its owner makes room and starts it again."""
    with KafkaCluster(1, cache=CACHE, parent=small_disk, jvm_options=SHORT_LIVED) as cluster:
        topics = Topics(cluster.bootstrap_servers)
        stream = Stream(topics)
        filler = small_disk / "filler"
        run = LaneRun(topics, Tally(stream.output), max_records=20)
        stream.send(300)
        with running(run):
            until(stream.committed_end, "the lane is at work")
            with contextlib.suppress(OSError), filler.open("wb") as file:
                while True:
                    file.write(bytes(1 << 20))
                    file.flush()
            process = cluster.brokers[0].process
            assert process is not None
            stream.send_into_nothing(3000)
            until(lambda: process.poll() is not None, "the broker gave up")
            until(lambda: run.seen.count("waiting_for_broker") > 0, "the lane says what it waits for")
            filler.unlink()
            cluster.restart()
            stream.recount()
            until(stream.committed_end, "all is committed")
        stream.assert_delivered()
        stream.close()
