"""Two worker processes under one supervisor on a real Kafka, one of them killed, then the supervisor: every event is
answered once and as an uninterrupted run would, and the metrics add up."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import SimpleNamespace

from streams.demo.kraft import KafkaCluster
from streams.demo.processes import stop
from streams.kafka.client import BrokerUnreachable, client_config
from streams.kafka.groups import group_progress
from streams.kafka.topic_plan import default_plan
from streams.kafka.topics import create_topics
from streams.settings import Settings, load_settings
from tests.faults.feed import Feed
from tests.faults.oracle import Expected
from tests.faults.run import Scene, environment
from tests.faults.verifier import Verifier
from tests.faults.workload import PARTITIONS, publish_model
from tests.waiting import until
from tests.workers.kit import Supervised, is_gone

RATE = 300


class AnswersVerifier(Verifier):
    """Without the state of drift: it follows from when partitions idled too, which is wall clock here."""

    def _check_drift(self, expected: Expected) -> int:
        return len(expected.alerts)


def partitions_of(supervised: Supervised) -> list[list[int]]:
    return [each.get("lanes", {}).get("predict", {}).get("partitions", []) for each in supervised.workers()]


def is_shared(supervised: Supervised) -> bool:
    shares = partitions_of(supervised)
    return (
        supervised.is_ready()
        and all(shares)
        and sorted(p for share in shares for p in share) == list(range(PARTITIONS))
    )


def all_answered(settings: Settings) -> bool:
    try:
        group, topic = f"{settings.kafka.group}-predict", settings.topics.name("events")
        return group_progress(client_config(settings.kafka), group, topic).lag == 0
    except BrokerUnreachable:
        return False  # an offset under an open transaction is not told


def test_nothing_is_lost_or_doubled_whoever_of_them_is_killed(kafka: KafkaCluster, tmp_path: Path) -> None:
    publish_model(tmp_path / "registry")
    scene = Scene(slots=(), session_s=6.0, settings={"WEIR_WORKER__SLOT": "w"})
    environ = environment(SimpleNamespace(kafka=kafka), tmp_path, scene)
    settings = load_settings(environ=environ)
    create_topics(client_config(settings.kafka), default_plan(settings.topics, partitions=PARTITIONS, replication=1))
    everything = {**{name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}, **environ}
    everything["PYTHONPATH"] = str(Path.cwd())
    everything["WEIR_WORKER__STATE_DIR"] = "state"  # relative: sockets are made in it, whose paths are short
    supervised = Supervised(tmp_path, everything, "predict,drift")

    def feed(seed: int) -> Feed:
        return Feed(settings, seed=seed, rate=RATE, shift_after=10_000)

    def consumed() -> float:
        told = supervised.samples(topic=settings.topics.name("events"))
        return sum(told["weir_records_consumed_total", worker] for worker in "01")

    def wait(condition, what: str) -> None:
        until(condition, what, every_s=0.2, said=lambda: supervised.log.read_text()[-6000:])

    try:
        wait(lambda: is_shared(supervised), "they share the partitions")

        # Metrics of all processes together say what was sent.
        first = feed(1)
        first.start()
        wait(lambda: first.sent > 2 * RATE, "events were sent")
        first.finish()
        wait(lambda: consumed() >= first.sent, "all is counted")
        told = supervised.samples(topic=settings.topics.name("events"))
        assert consumed() == first.sent
        assert all(told["weir_records_consumed_total", worker] > 0 for worker in "01"), "both worked"

        # One is killed under load: it is back in its slot, with its partitions, and goes on.
        shares, pids = partitions_of(supervised), supervised.pids()
        second = feed(2)
        second.start()
        wait(lambda: consumed() > first.sent + RATE, "events are answered")
        os.kill(pids[1], signal.SIGKILL)
        wait(lambda: supervised.workers()[1]["ends"] == 1 and is_shared(supervised), "it is back")
        assert partitions_of(supervised) == shares
        assert [each["slot"] for each in supervised.workers()] == ["w", "w.1"]
        assert supervised.pids()[0] == pids[0], "the other one went on"
        wait(lambda: supervised.samples()["weir_predictions_total", "1"] > 0, "it answers again")

        # The supervisor is killed under load: nobody is left, and its successor takes the slots.
        pids = supervised.pids()
        supervised.process.kill()
        supervised.process.wait(10)
        until(lambda: all(map(is_gone, pids)), "its workers are gone", 10)
        supervised = Supervised(tmp_path, everything, "predict,drift")
        wait(lambda: is_shared(supervised), "its successor's workers have the partitions")
        second.finish()
        wait(lambda: all_answered(settings), "all is answered")
        verified = AnswersVerifier(settings, tmp_path / "registry", PARTITIONS).check()
        assert verified.inputs == first.sent + second.sent
        assert verified.repeated == 0

        pids = supervised.pids()
        supervised.process.send_signal(signal.SIGTERM)
        assert supervised.process.wait(20) == 0, supervised.log.read_text()[-6000:]
        assert all(map(is_gone, pids))
    finally:
        stop(supervised.process, 15)
