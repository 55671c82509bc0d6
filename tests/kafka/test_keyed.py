"""Features of a key under kills and moves: every answer is that of the offline computation over the partition's log."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest
from confluent_kafka import Producer

from models.registry import Registry
from tests.faults.keyed_workload import offline_answers, publish_keyed_model
from tests.faults.workload import FEATURES, MODEL
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import PARTITIONS, Traffic, Worker, make_topics, until

KEYS = 40
KILLS = 5


class Load:
    """Events of KEYS keys, each of them always in one partition, until its end. A context manager."""

    def __init__(self, topics: Topics) -> None:
        self._producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})
        self._topic = topics.name("events")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self.sent = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        assert self._producer.flush(30) == 0

    def _send(self) -> None:
        rng, start_ms = random.Random(3), int(time.time() * 1000)
        while not self._stop.wait(0.02):
            for _ in range(5):
                key = rng.randrange(KEYS)
                event = {
                    # One in ten repeats an id of a moment ago: it is answered, and counts no second time.
                    "id": f"e{self.sent - (key + 1 if rng.random() < 0.1 else 0)}",
                    "time": start_ms + self.sent,
                    "features": {name: round(rng.gauss(0, 1), 3) for name in FEATURES},
                }
                self._producer.produce(self._topic, json.dumps(event), b"key-%d" % key, partition=key % PARTITIONS)
                self.sent += 1
            self._producer.poll(0)


@pytest.mark.timeout(300)
def test_after_kills_and_moves_every_answer_is_that_of_the_offline_computation(
    topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figures: Callable[[str], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    publish_keyed_model(tmp_path / "registry")
    make_topics(topics)
    traffic = Traffic(topics)
    kafka = {"bootstrap_servers": topics.bootstrap_servers, "delivery": topics.delivery}

    def worker(slot: int) -> Worker:
        folder = tmp_path / f"worker-{slot}"
        return Worker(topics, tmp_path / "registry", folder, kafka, roles="predict", WEIR_WORKER__SLOT=str(slot))

    def answered() -> int:
        return len(traffic.read("predictions"))

    with worker(0) as stays:
        other = worker(1)
        other.start()
        with Load(topics) as load:
            for kill in range(KILLS):
                before = answered()
                until(lambda seen=before: answered() > seen + 50, stays, "events are answered")
                killed = (stays, other)[kill % 2]
                assert killed.stop(signal.SIGKILL) == -signal.SIGKILL
                if kill % 3 == 2:  # its partitions move to the one that is left, and back
                    gone = time.monotonic()
                    until(lambda since=gone: time.monotonic() - since > 7.0, stays, "its session is over")
                killed.start()
                until(lambda who=killed: who.is_ready(), killed, "it is back")
        assert other.stop() == 0
        until(lambda: answered() >= load.sent, stays, "all is answered", 60)
        told = stays.ask("/metrics")[1]

    model = Registry(tmp_path / "registry").load(MODEL)
    expected = offline_answers(model, traffic.read("events"))
    found = {
        (answer["source"]["partition"], answer["source"]["offset"]): answer["prediction"]
        for answer in (json.loads(record.value or b"") for record in traffic.read("predictions"))
        if "duplicate_of" not in answer
    }
    assert len(found) > 1000
    assert found == expected
    assert f'weir_keyed_keys{{model="{MODEL}",partition="0"}} ' in told
    figures(f"keyed features: {len(found)} answers equal to the offline computation after {KILLS} kills")
