"""`weir worker` as a process, on topics of a test's own, with events to answer and a look at what came of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from confluent_kafka import Producer

from streams.demo.processes import free_ports, spawn
from streams.kafka.client import client_config
from streams.kafka.reading import Record, TopicReader
from streams.settings import KafkaSettings
from tests import waiting
from tests.faults.workload import FEATURES
from tests.kafka.topics import Topics
from tests.waiting import DEADLINE_S

WATCHED_S = 5.0
MOST_CORES = 0.3
PARTITIONS = 2
LOGS = ("events", "predictions", "dead-letters", "labels", "joins", "observations", "alerts")


def make_topics(topics: Topics, but: str | None = None) -> None:
    for topic in LOGS:
        if topic == but:
            continue
        topics.create(topic, 1 if topic == "alerts" else PARTITIONS)
    topics.create("control", 1, {"cleanup.policy": "compact"})
    topics.create("state", PARTITIONS, {"cleanup.policy": "compact"})


class Worker:
    """One `weir worker`. A context manager: at its end it is stopped, and it must have ended well."""

    def __init__(self, topics: Topics, registry: Path, folder: Path, kafka: Mapping[str, object], **more: str) -> None:
        """`kafka` are keys of that table; `more` further variables, and ``roles="predict"`` or the `fault` of its model
        (tests.faults.misbehaviour), which is tied to the folder."""
        folder.mkdir(exist_ok=True)
        self.folder, self.registry = folder, registry
        self.log_file = folder / "worker.log"
        self._port = free_ports(1)[0]
        self._roles = more.pop("roles", "predict,drift")
        self._fault = more.pop("fault", "")
        self.environment = {
            "WEIR_TOPICS__PREFIX": topics.prefix,
            "WEIR_KAFKA__GROUP": topics.name("weir"),
            "WEIR_KAFKA__SESSION_TIMEOUT_MS": "6000",
            "WEIR_MODEL__REGISTRY": str(registry),
            "WEIR_ADMIN__PORT": str(self._port),
            "WEIR_WORKER__SLOT": "0",
            "WEIR_WORKER__STATE_DIR": str(folder / "state"),
            "WEIR_WORKER__SNAPSHOT_INTERVAL_MS": "300",
            **{f"WEIR_KAFKA__{key.upper()}": str(value) for key, value in kafka.items()},
            **more,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        code = self.stop()
        assert kind is not None or code == 0, self.log()

    def start(self) -> None:
        command = [sys.executable, "-c", "from streams.cli import main; main()", "worker", "--role", self._roles]
        if self._fault:
            command = [sys.executable, "-m", "tests.faults.models", self._roles, self._fault, str(self.folder)]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
        self.process = spawn(command, self.log_file, self.folder, {**inherited, **self.environment})

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(20)

    def log(self) -> str:
        return self.log_file.read_text("utf-8") if self.log_file.exists() else ""

    def says(self, *words: str, since: int = 0) -> bool:
        """Whether one line of the log, after so many characters, holds all the words."""
        return any(all(word in line for word in words) for line in self.log()[since:].splitlines())

    def url(self, path: str) -> str:
        """On the admin port."""
        return f"http://127.0.0.1:{self._port}{path}"

    def ask(self, path: str) -> tuple[int, str]:
        """Status and body of the admin port; 0 while nobody listens."""
        try:
            with urlopen(self.url(path), timeout=5) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()
        except (URLError, OSError):
            return 0, ""

    def is_ready(self) -> bool:
        return self.ask("/readyz")[0] == 200

    def cpu_s(self) -> float:
        """Processor time of the worker so far."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Traffic:
    """Events of a test, good and bad ones, and what the output topics hold about them."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._producer = self._new_producer()
        self._config = client_config(KafkaSettings(bootstrap_servers=topics.bootstrap_servers))
        self.good: list[str] = []
        self.bad = 0

    def _new_producer(self) -> Producer:
        servers = self._topics.bootstrap_servers
        return Producer({"bootstrap.servers": servers, "enable.idempotence": True, "log_level": 2})

    def reconnect(self) -> None:
        """Forget what the producer knew of its topic."""
        self._producer = self._new_producer()

    def send(self, count: int = 20, *, bad: int = 1) -> None:
        features = dict.fromkeys(FEATURES, 0.5)
        for number in range(len(self.good), len(self.good) + count):
            self.good.append(f"e{number}")
            value = json.dumps({"id": f"e{number}", "features": features})
            self._producer.produce(self._topics.name("events"), value, partition=number % PARTITIONS)
        for _ in range(bad):
            self.bad += 1
            self._producer.produce(self._topics.name("events"), b"not json", partition=0)
        assert self._producer.flush(30) == 0

    def read(self, topic: str) -> list[Record]:
        with TopicReader(self._config, self._topics.name(topic)) as reader:
            return list(reader.to_end())

    def answered(self) -> Counter[str]:
        return Counter(json.loads(record.value or b"")["event_id"] for record in self.read("predictions"))

    def is_answered(self) -> bool:
        return len(self.answered()) >= len(self.good) and len(self.read("dead-letters")) >= self.bad

    def observed(self) -> int:
        """Good events that the observations count."""
        return sum(_events(json.loads(record.value or b"{}")) for record in self.read("observations"))

    def assert_exactly_once(self) -> None:
        assert self.answered() == Counter(self.good)
        assert len(self.read("dead-letters")) == self.bad


def _events(observation: dict[str, Any]) -> int:
    return sum(int(each.get("events", 0)) for each in observation.get("slices", []))


def until(condition: Callable[[], bool], worker: Worker, what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait for a condition; the worker's log says why a deadline was missed."""
    waiting.until(condition, what, deadline_s, every_s=0.1, said=lambda: worker.log()[-6000:])


def assert_at_rest(worker: Worker) -> None:
    """Whatever is missing, waiting for it costs next to nothing."""
    used, began = worker.cpu_s(), time.monotonic()
    until(lambda: time.monotonic() - began > WATCHED_S, worker, "the time has passed")
    assert worker.cpu_s() - used < MOST_CORES * (time.monotonic() - began)
