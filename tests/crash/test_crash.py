"""kill -9 of real workers at every point of a unit of work: nothing lost, doubled, disordered or forgotten."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest
from confluent_kafka import Producer

from streams.demo.kraft import KafkaCluster
from streams.kafka.client import client_config
from streams.kafka.groups import group_progress
from streams.kafka.topic_plan import default_plan
from streams.kafka.topics import create_topics
from streams.settings import Settings, load_settings
from tests.crash.fleet import POINTS, Fleet
from tests.crash.verifier import Findings, Verifier, wait_for
from tests.crash.workload import PARTITIONS, events, publish_model

RATE = 2000
SLOTS = ("a", "b")
SESSION_S = 6.0


@pytest.fixture
def environment(kafka: KafkaCluster, tmp_path: Path) -> dict[str, str]:
    """Settings of the workers, as variables: topics and group of this test's own."""
    publish_model(tmp_path / "registry")
    prefix = f"crash{random.getrandbits(32):08x}"  # a name, not a secret
    return {
        "WEIR_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "WEIR_KAFKA__GROUP": prefix,
        "WEIR_KAFKA__SESSION_TIMEOUT_MS": str(int(SESSION_S * 1000)),
        "WEIR_TOPICS__PREFIX": f"{prefix}.",
        "WEIR_MODEL__REGISTRY": str(tmp_path / "registry"),
        "WEIR_MODEL__NAME": "crash",
        "WEIR_WORKER__STATE_DIR": str(tmp_path / "state"),
        "WEIR_WORKER__SNAPSHOT_INTERVAL_MS": "1000",
        "WEIR_WORKER__MAX_BATCH_RECORDS": "500",
        # A partition that was idle and whose agent is then killed is behind the others by up to some seconds.
        "WEIR_DRIFT__ALLOWED_LATENESS_MS": "15000",
        "WEIR_ADMIN__PORT": "0",
    }


class Run:
    """Events at a steady rate into the workers of a fleet."""

    def __init__(self, fleet: Fleet, folder: Path):
        self.settings: Settings = load_settings(environ=fleet.environment)
        self.fleet = fleet
        config = client_config(self.settings.kafka)
        create_topics(config, default_plan(self.settings.topics, partitions=PARTITIONS, replication=1))
        self._producer = Producer({**config, "enable.idempotence": True, "linger.ms": 5})
        self._folder = folder
        for slot in SLOTS:
            fleet.start(slot)

    def feed(self, seed: int, shift_after: int, more: Callable[[int], bool], look_after: Callable[[], None]) -> None:
        """Publish as long as `more(events so far)`; `look_after` the fleet ten times a second."""
        start = time.time()
        stream = events(seed, int(start * 1000), RATE, shift_after)
        topic = self.settings.topics.name("events")
        sent = 0
        while more(sent):
            for _ in range(RATE // 50):
                event = next(stream)
                self._producer.produce(topic, event.value, event.key, event.partition)
            sent += RATE // 50
            self._producer.poll(0)
            if sent % (RATE // 10) == 0:
                look_after()
            while time.time() < start + sent / RATE:
                self._producer.poll(0.005)
        assert self._producer.flush(30) == 0

    def settle(self) -> None:
        """Wait until every role has committed all there is."""

        def settled() -> bool:
            self.fleet.revive()
            config, kafka, topics = client_config(self.settings.kafka), self.settings.kafka, self.settings.topics
            predict = group_progress(config, f"{kafka.group}-predict", topics.name("events"))
            drift = group_progress(config, f"{kafka.group}-drift", topics.name("observations"))
            return predict.lag == drift.lag == 0

        wait_for(settled, "all is committed", 90)

    def check(self) -> Findings:
        return Verifier(self.settings, self._folder / "registry", PARTITIONS).check()


@pytest.mark.timeout(400)
def test_twenty_kills_lose_double_disorder_and_forget_nothing(
    environment: dict[str, str], tmp_path: Path, figures: Callable[[str], None]
) -> None:
    rng = random.Random(20)  # a schedule
    # A snapshot comes once a second, the other points with every batch.
    fates = [(point, 4 if point == "in_snapshot" else rng.randrange(20, 150)) for point in POINTS for _ in range(2)]
    rng.shuffle(fates)
    with Fleet(environment, tmp_path, deque(fates)) as fleet:
        run, ticks = Run(fleet, tmp_path), 0

        def look_after() -> None:
            nonlocal ticks
            ticks += 1
            if ticks % 120 == 0:
                fleet.kill_one(rng)
            fleet.revive()

        def enough(sent: int) -> bool:
            return sent >= 80_000 and len(fleet.deaths) >= 20 and set(POINTS) <= {death.how for death in fleet.deaths}

        run.feed(20, shift_after=50_000, more=lambda sent: not enough(sent), look_after=look_after)
        run.settle()
        found = run.check()
        assert fleet.stop() == [0, 0]
    assert found.aborted > 0, "no kill fell into an open transaction"
    assert found.alerts > 0
    silences = [found.silence_after(death.at) for death in fleet.deaths]
    figures(
        f"{len(fleet.deaths)} kills, {found.inputs} inputs = {found.predictions} predictions + "
        f"{found.dead_letters} dead letters + {found.tombstones} tombstones; {found.aborted} records aborted, "
        f"{found.alerts} alerts as uninterrupted; silence of a partition after a kill: "
        f"median {median(silences):.1f} s, longest {max(silences):.1f} s (session time-out {SESSION_S:g} s)"
    )


def short_run(environment: dict[str, str], folder: Path, fate: tuple[str, int], mutant: str = "-") -> Findings:
    """Eight seconds of events for two workers with the same fate. Raises AssertionError for what the verifier finds."""
    with Fleet(environment, folder, deque([fate, fate]), mutant) as fleet:
        run = Run(fleet, folder)
        wait_for(fleet.is_up, "both workers have their partitions", 60)
        run.feed(3, shift_after=1_000_000, more=lambda sent: sent < 16_000, look_after=fleet.revive)
        run.settle()
        return run.check()


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("mutant", "fate"),
    [
        ("commit_first", ("between", 30)),
        ("no_seek_after_abort", ("abort", 10)),
        ("state_not_rolled_back", ("abort", 10)),
    ],
)
def test_a_broken_lane_is_found_out(
    environment: dict[str, str], tmp_path: Path, mutant: str, fate: tuple[str, int]
) -> None:
    with pytest.raises(AssertionError, match=r"first difference|observed of|all is committed"):
        short_run(environment, tmp_path, fate, mutant)


@pytest.mark.timeout(180)
def test_aborted_transactions_change_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    """The trouble that finds the broken lanes out does not harm the sound one."""
    short_run(environment, tmp_path, ("abort", 10))
    assert (tmp_path / "worker-a.log").read_text().count("did not commit") > 0


@pytest.mark.timeout(180)
def test_killed_agents_are_brought_back_and_nothing_is_lost(environment: dict[str, str], tmp_path: Path) -> None:
    short_run(environment, tmp_path, ("agents", 15))
    assert (tmp_path / "worker-a.log").read_text().count("Crashed reason=CancelledError") >= 3


@pytest.mark.timeout(180)
def test_sigterm_under_load_answers_what_is_in_flight(environment: dict[str, str], tmp_path: Path) -> None:
    codes: list[int] = []
    took: list[float] = []
    with Fleet(environment, tmp_path, deque()) as fleet:
        run = Run(fleet, tmp_path)

        def stop_and_start(sent: int) -> bool:
            if sent % 2_000 == 0 and len(took) < 2 and fleet.is_up():
                began = time.monotonic()
                codes.extend(fleet.stop())
                took.append(time.monotonic() - began)
                for slot in SLOTS:
                    fleet.start(slot)
            return len(took) < 2 or sent % 10_000 != 0

        run.feed(4, shift_after=1_000_000, more=stop_and_start, look_after=fleet.revive)
        run.settle()
        assert run.check().aborted == 0
    assert codes == [0, 0, 0, 0]
    assert max(took) < 10.0
