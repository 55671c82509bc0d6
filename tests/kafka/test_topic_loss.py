"""Topics missing at the start, or deleted and made again under a running worker: it says so, waits, and goes on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from streams.kafka.snapshots import SnapshotDamaged, collect
from tests import waiting
from tests.faults.workload import publish_model
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import LOGS, PARTITIONS, Traffic, Worker, assert_at_rest, make_topics, until


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "registry"
    publish_model(folder)
    return folder


def delete(topics: Topics, topic: str) -> None:
    """Delete a topic and wait until the broker no longer knows it."""
    admin = AdminClient({"bootstrap.servers": topics.bootstrap_servers})
    admin.delete_topics([topics.name(topic)], operation_timeout=30)[topics.name(topic)].result(30)
    gone = topics.name(topic)
    waiting.until(lambda: gone not in admin.list_topics(timeout=10).topics, f"{gone} is gone", 30, every_s=0.05)


def make(topics: Topics, topic: str) -> None:
    config = {"cleanup.policy": "compact"} if topic == "state" else None
    topics.create(topic, 1 if topic == "alerts" else PARTITIONS, config)


def has_whole_snapshots(traffic: Traffic) -> bool:
    """Whether a worker that started now would find its state."""
    records = [(record.key or b"", record.value) for record in traffic.read("state")]
    try:
        return all(collect(role, p, records) is not None for role in ("predict", "drift") for p in range(PARTITIONS))
    except SnapshotDamaged:
        return False


def test_a_worker_waits_for_topics_that_are_missing_at_its_start(
    topics: Topics, registry: Path, tmp_path: Path
) -> None:
    kafka = {"bootstrap_servers": topics.bootstrap_servers}
    with Worker(topics, registry, tmp_path / "worker", kafka) as worker:
        for topic in {*LOGS, "state"} - {"labels", "joins"}:  # without those it would go on
            until(
                lambda t=topic: worker.says("missing topics", topics.name(t), "weir topics create"),
                worker,
                f"it misses {topic}",
            )
        assert_at_rest(worker)
        make_topics(topics)
        traffic = Traffic(topics)
        traffic.send()
        until(traffic.is_answered, worker, "all is answered")
    traffic.assert_exactly_once()


@pytest.mark.parametrize("topic", ["predictions", "dead-letters", "observations", "state"])
def test_a_topic_that_it_writes_to_is_deleted_and_made_again(
    topic: str, topics: Topics, registry: Path, tmp_path: Path
) -> None:
    """What was in it is gone by its owner's will; nothing else is lost or doubled."""
    make_topics(topics)
    traffic = Traffic(topics)
    with Worker(topics, registry, tmp_path / "worker", {"bootstrap_servers": topics.bootstrap_servers}) as worker:
        traffic.send()
        until(traffic.is_answered, worker, "all is answered")
        before = Counter(traffic.good)
        delete(topics, topic)
        traffic.send()
        until(
            lambda: worker.says("waiting for a topic", topics.name(topic), "weir topics create"), worker, "it says so"
        )
        assert not worker.is_ready()
        assert_at_rest(worker)
        make(topics, topic)
        traffic.send()
        after = Counter(traffic.good) - before
        expected = after if topic == "predictions" else before + after
        bad = traffic.bad - 1 if topic == "dead-letters" else traffic.bad
        until(
            lambda: traffic.answered() >= expected and len(traffic.read("dead-letters")) >= bad,
            worker,
            "all is answered",
        )
        until(worker.is_ready, worker, "it is ready")
        assert traffic.answered() == expected
        assert len(traffic.read("dead-letters")) == bad
        if topic == "state":
            until(lambda: has_whole_snapshots(traffic), worker, "whole snapshots are written")
        assert worker.stop() == 0
        mark = len(worker.log())
        worker.start()
        traffic.send()
        until(
            lambda: traffic.answered() == expected + Counter(traffic.good[-20:]),
            worker,
            "all is answered after a restart",
        )
        assert topic == "observations" or not worker.says("snapshot damaged", since=mark)


def test_the_state_topic_is_made_again_while_nothing_is_written_to_it(
    topics: Topics, registry: Path, tmp_path: Path
) -> None:
    make_topics(topics)
    traffic = Traffic(topics)
    with Worker(topics, registry, tmp_path / "worker", {"bootstrap_servers": topics.bootstrap_servers}) as worker:
        traffic.send()
        until(lambda: traffic.is_answered() and has_whole_snapshots(traffic), worker, "all is answered and kept")
        delete(topics, "state")
        make(topics, "state")
        until(lambda: has_whole_snapshots(traffic), worker, "whole snapshots are written")
        assert worker.stop() == 0
        mark = len(worker.log())
        worker.start()
        traffic.send()
        until(traffic.is_answered, worker, "all is answered after a restart")
        assert not worker.says("snapshot damaged", since=mark)
    traffic.assert_exactly_once()


def test_the_topic_of_events_is_deleted_and_made_again(topics: Topics, registry: Path, tmp_path: Path) -> None:
    make_topics(topics)
    traffic = Traffic(topics)
    with Worker(topics, registry, tmp_path / "worker", {"bootstrap_servers": topics.bootstrap_servers}) as worker:
        traffic.send()
        until(traffic.is_answered, worker, "all is answered")
        delete(topics, "events")
        until(lambda: worker.says("waiting for a topic", topics.name("events")), worker, "it says so")
        assert_at_rest(worker)
        make(topics, "events")
        traffic.reconnect()
        traffic.send()
        until(traffic.is_answered, worker, "all is answered")
        assert worker.says("reading from the beginning", "made anew", "stood_at")
    traffic.assert_exactly_once()
