"""A service of docker-compose.yml run by hand: its very command, environment and health check, without a container."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.request import Request, urlopen

import yaml

from streams.demo.processes import free_ports, spawn
from tests.kafka.topics import Topics

ROOT = Path(__file__).resolve().parents[2]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
WEIR = (sys.executable, "-c", "from streams.cli import main; main()")


class Service:
    """What a container would give it, here: `folder` for its files, a registry, rows, ports of its own. A context
    manager: at its end it is stopped."""

    def __init__(self, name: str, topics: Topics, registry: Path, folder: Path, rows: Path | None = None) -> None:
        folder.mkdir()
        self._spec, self._folder, self.log_file = SERVICES[name], folder, folder / "log"
        self.admin_port, self.http_port = free_ports(2)
        self._here = {
            "kafka:19092": topics.bootstrap_servers,
            "/srv/weir/registry": str(registry),
            "/srv/weir/rows.csv": str(rows),
            "/var/lib/weir": str(folder),
            "6066": str(self.admin_port),
            "8080": str(self.http_port),
        }
        # All that is added: the broker is shared with other tests.
        self.environment = {
            **{key: self._in_place(str(value)) for key, value in self._spec["environment"].items()},
            "WEIR_TOPICS__PREFIX": topics.prefix,
            "WEIR_KAFKA__GROUP": topics.name("weir"),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def _in_place(self, text: str) -> str:
        for there, here in self._here.items():
            text = text.replace(there, here)
        return text

    @property
    def arguments(self) -> list[str]:
        """Of `weir`."""
        program, *arguments = self._spec["command"]
        assert program == "weir"
        return [self._in_place(each) for each in arguments]

    def start(self, command: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> Self:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
        environment = {**inherited, **self.environment} if environment is None else environment
        self.process = spawn(command or [*WEIR, *self.arguments], self.log_file, self._folder, environment)
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """As `docker stop` does it; the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(float(self._spec.get("stop_grace_period", "10s").removesuffix("s")))
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def end(self, within_s: float) -> int:
        """The exit code of a service that ends by itself."""
        assert self.process is not None
        return self.process.wait(within_s)

    def has_ended(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None

    def is_healthy(self) -> bool:
        """What its health check says."""
        form, program, *arguments = self._spec["healthcheck"]["test"]
        assert (form, program) == ("CMD", "python")
        check = [sys.executable, *map(self._in_place, arguments)]
        return subprocess.run(check, capture_output=True, timeout=60, check=False).returncode == 0

    def metrics(self) -> str:
        with urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())

    def post(self, path: str, body: bytes) -> bytes:
        address = f"http://127.0.0.1:{self.http_port}{path}"
        request = Request(address, body, {"Content-Type": "application/json"}, method="POST")
        with urlopen(request, timeout=20) as answer:
            return bytes(answer.read())

    def log(self) -> str:
        return self.log_file.read_text("utf-8") if self.log_file.exists() else ""
