"""A small fleet at work, for the page: a broker in memory, workers, and events that drift when told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self
from urllib.request import urlopen

import numpy as np
from confluent_kafka import Producer
from sklearn.linear_model import LogisticRegression

from models.schema import Feature, InputSchema
from streams.demo.broker import EmbeddedBroker
from streams.demo.processes import free_ports, spawn
from streams.kafka.topics import create_topics, default_plan
from streams.modelling import publish_estimator
from streams.settings import TopicSettings
from tests.waiting import until

MODEL = "payments"
FEATURES = ("amount", "items", "account_age", "distance_km")
PARTITIONS = 4
RATE = 400
BAD = (b"not json", b'{"id": "x", "features": {"amount": null}}', b"\xff\xfe")


def publish_model(registry: Path) -> None:
    """Two versions, so that there is one to go back to."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(6000, len(FEATURES)))
    target = (rows @ [1.4, -0.6, 0.3, 0.2] + rng.normal(scale=0.6, size=len(rows)) > 0.8).astype(int)
    schema = InputSchema(tuple(Feature(name) for name in FEATURES))
    for strength in (1.0, 0.5):
        fitted = LogisticRegression(C=strength).fit(rows, target)
        publish_estimator(registry, MODEL, fitted, schema, rows, target=target.tolist())


class Feed:
    """Events on a thread, `RATE` a second, as in training; `shift` is added to the first feature."""

    def __init__(self, servers: str, topic: str) -> None:
        self.shift, self.bad_share = 0.0, 0.004
        self._producer = Producer({"bootstrap.servers": servers, "linger.ms": 5, "log_level": 2})
        self._topic = topic
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)
        self._producer.flush(5)

    def _send(self) -> None:
        rng = np.random.default_rng(5)
        number, began = 0, time.monotonic()
        while not self._stop.wait(0.05):
            due = int((time.monotonic() - began) * RATE * (1 + 0.15 * np.sin(time.monotonic() / 25)))
            for _ in range(min(max(0, due - number), RATE)):
                row = rng.normal(size=len(FEATURES)).round(4)
                row[0] += self.shift
                features = dict(zip(FEATURES, row.tolist(), strict=True))
                value = json.dumps({"id": f"e{number}", "time": time.time_ns() // 1_000_000, "features": features})
                bad = rng.random() < self.bad_share
                self._producer.produce(
                    self._topic, BAD[number % len(BAD)] if bad else value.encode(), f"k{number % 500}"
                )
                number += 1
            self._producer.poll(0)


class Scene:
    """A context manager. `urls` are the workers' admin ports; `feed` sends from the start."""

    def __init__(self, folder: Path, **settings: str) -> None:
        """`settings`: further variables of the workers."""
        self._folder, self._more = folder, settings
        self._stack = ExitStack()
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Self:
        try:
            broker = self._stack.enter_context(EmbeddedBroker())
            self.servers = broker.bootstrap_servers
            create_topics({"bootstrap.servers": self.servers}, default_plan(TopicSettings(), partitions=PARTITIONS))
            publish_model(self._folder / "registry")
            self.start("worker-0", "predict,drift")
            self.feed = self._stack.enter_context(Feed(self.servers, "events"))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, slot: str, roles: str) -> None:
        """One more worker; returns once it is ready."""
        (port,) = free_ports(1)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WEIR_")},
            "WEIR_KAFKA__BOOTSTRAP_SERVERS": self.servers,
            "WEIR_MODEL__REGISTRY": str(self._folder / "registry"),
            "WEIR_MODEL__NAME": MODEL,
            "WEIR_ADMIN__PORT": str(port),
            "WEIR_WORKER__SLOT": slot,
            "WEIR_WORKER__STATE_DIR": str(self._folder / slot),
            "WEIR_DRIFT__ALLOWED_LATENESS_MS": "500",
            **self._more,
        }
        log = self._folder / f"{slot}.log"
        command = [sys.executable, "-c", "from streams.cli import main; main()", "worker", "--role", roles]
        process = spawn(command, log, self._folder, environment)
        self.workers[slot], self.urls[slot] = process, f"http://127.0.0.1:{port}"
        self._stack.callback(self._end, process)
        until(lambda: self.is_ready(slot), f"{slot} is ready", every_s=0.1, said=lambda: log.read_text()[-4000:])

    def is_ready(self, slot: str) -> bool:
        try:
            with urlopen(f"{self.urls[slot]}/readyz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def page(self, slot: str = "worker-0") -> str:
        return f"{self.urls[slot]}/page"

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
