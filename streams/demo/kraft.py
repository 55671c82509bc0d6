"""A real Apache Kafka in KRaft mode on this machine, of one broker or three, for tests and for `--broker kafka`."""

from __future__ import annotations

import base64
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from streams.demo.kafka_jars import find_jars, find_java
from streams.demo.processes import StartError, free_ports, spawn, wait_for_text

_STARTED = b"Kafka Server started"
_HEAP_MB = {1: 768, 3: 320}


@dataclass(slots=True)
class KafkaBroker:
    """One broker (and controller) of a cluster, in a process of its own."""

    node: int
    port: int
    home: Path
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    _log_start: int = 0

    @property
    def log(self) -> Path:
        return self.home / "broker.log"

    def start(self) -> None:
        """Start the process without waiting for the broker."""
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self.process = spawn(self.command, self.log, self.home)

    def wait_until_ready(self, deadline: float) -> None:
        """Wait until the broker serves clients, at most until `deadline` (of the monotonic clock)."""
        assert self.process is not None, "start() comes first"
        wait_for_text(f"Kafka broker {self.node}", self.process, self.log, _STARTED, self._log_start, deadline)

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


class KafkaCluster:
    """A cluster on free ports with its data in a temporary folder. A context manager: nothing is left afterwards.

    Topics must be created, sessions may be as short as 1 s, an abandoned transaction is aborted within 1 s of its
    time-out. Of three brokers every topic has three replicas, and two must have a record before it counts.
    `cache` keeps the jars for the next time. `configure` gives further server properties, or others, for a node and its
    port; `format_options` go to the formatting tool, `jvm_options` to every JVM; the brokers' folder is made in
    `parent`.
    """

    ends_aborts: ClassVar[bool] = True

    def __init__(
        self,
        brokers: int = 1,
        *,
        cache: Path = Path(".weir/kafka"),
        ready_s: float = 60.0,
        configure: Callable[[int, int], Mapping[str, object]] = lambda _node, _port: {},
        format_options: Sequence[str] = (),
        jvm_options: Sequence[str] = (),
        parent: Path | None = None,
    ) -> None:
        if brokers not in _HEAP_MB:
            raise ValueError(f"brokers={brokers}: a cluster has 1 broker or 3")
        self._size = brokers
        self._cache = cache
        self._ready_s = ready_s
        self._configure, self._format_options, self._jvm_options = configure, format_options, jvm_options
        self._parent = parent
        self._folder: Path | None = None
        self.brokers: list[KafkaBroker] = []

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(f"127.0.0.1:{broker.port}" for broker in self.brokers)

    @property
    def logs(self) -> list[Path]:
        """What the brokers wrote, while the cluster lives."""
        return [broker.log for broker in self.brokers]

    def __enter__(self) -> Self:
        java, jars = find_java(), find_jars(self._cache)
        self._folder = Path(tempfile.mkdtemp(prefix="weir-kafka-", dir=self._parent))
        try:
            self._prepare(java, jars, self._folder)
            for broker in self.brokers:
                broker.start()
            self._wait(*self.brokers)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill the brokers (their data is not kept) and remove what they wrote."""
        for index in range(len(self.brokers)):
            self.kill(index)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def kill(self, index: int = 0) -> None:
        """End a broker at once, as `kill -9` does."""
        broker = self.brokers[index]
        broker.signal(signal.SIGKILL)
        if broker.process is not None:
            broker.process.wait()

    def restart(self, index: int = 0) -> None:
        """Start a killed broker again, on its data and its port, and wait until it is ready."""
        self.kill(index)
        self.brokers[index].start()
        self._wait(self.brokers[index])

    def pause(self, index: int = 0) -> None:
        """Freeze a broker: its connections stay open and nothing answers."""
        self.brokers[index].signal(signal.SIGSTOP)

    def resume(self, index: int = 0) -> None:
        self.brokers[index].signal(signal.SIGCONT)

    def _wait(self, *brokers: KafkaBroker) -> None:
        deadline = time.monotonic() + self._ready_s
        for broker in brokers:
            broker.wait_until_ready(deadline)

    def _prepare(self, java: Path, jars: Path, folder: Path) -> None:
        ports = free_ports(2 * self._size)
        nodes = range(1, self._size + 1)
        voters = ",".join(f"{node}@127.0.0.1:{ports[2 * node - 1]}" for node in nodes)
        options = [f"-Xmx{_HEAP_MB[self._size]}m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-cp", f"{jars}/*"]
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        formats = []
        for node in nodes:
            home = folder / f"broker-{node}"
            home.mkdir()
            port, controller_port = ports[2 * node - 2 : 2 * node]
            settings = _settings(node, port, controller_port, voters, home / "data", self._size)
            settings |= self._configure(node, port)
            file = home / "server.properties"
            file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
            # A killed JVM leaves what it unpacked for itself, and its performance data: hence the switch above.
            jvm = [str(java), *self._jvm_options, f"-Djava.io.tmpdir={home}", *options]
            command = [*jvm, "kafka.Kafka", str(file)]
            self.brokers.append(KafkaBroker(node, port, home, command))
            # A cluster id that begins with a dash would be read as an option: hence the equals sign.
            tool = [*jvm, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", f"--config={file}"]
            tool += self._format_options
            formats.append(spawn(tool, home / "format.log", home))
        for broker, process in zip(self.brokers, formats, strict=True):
            if process.wait(self._ready_s):
                raise StartError(
                    "the formatting of Kafka's data folder", (broker.home / "format.log").read_bytes(), ended=True
                )


def _settings(node: int, port: int, controller_port: int, voters: str, data: Path, size: int) -> dict[str, object]:
    in_sync = 2 if size == 3 else 1
    return {
        "process.roles": "broker,controller",
        "node.id": node,
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": voters,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "default.replication.factor": size,
        "min.insync.replicas": in_sync,
        "offsets.topic.num.partitions": 3,
        "offsets.topic.replication.factor": size,
        "transaction.state.log.num.partitions": 3,
        "transaction.state.log.replication.factor": size,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": size,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
        "broker.session.timeout.ms": 4000,  # a killed broker may come back only when its old session is over
        "broker.heartbeat.interval.ms": 500,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    }
