"""`weir worker --workers N` as a process, and what it and its workers say of themselves."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from streams.demo.processes import free_ports, spawn


def command(roles: str, workers: int = 2) -> list[str]:
    weir = [sys.executable, "-c", "from streams.cli import main; main()"]
    return [*weir, "worker", "--role", roles, "--workers", str(workers)]


class Supervised:
    """One supervisor with its workers. Whoever makes it ends `process`."""

    def __init__(self, folder: Path, environ: Mapping[str, str], roles: str, workers: int = 2) -> None:
        self.log = folder / "log"
        (self._admin,) = free_ports(1)
        port = {"WEIR_ADMIN__PORT": str(self._admin)}
        self.process = spawn(command(roles, workers), self.log, folder, {**environ, **port})

    def ask(self, path: str) -> tuple[int, str]:
        """Of the admin port; 0 where nobody answers."""
        try:
            with urlopen(f"http://127.0.0.1:{self._admin}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            assert self.process.poll() is None, self.log.read_text()
            return 0, ""

    def is_ready(self) -> bool:
        return self.ask("/readyz")[0] == 200

    def workers(self) -> list[dict[str, Any]]:
        """As `/status` tells of them; nobody while it does not answer."""
        status, body = self.ask("/status")
        return json.loads(body)["workers"] if status == 200 else []

    def pids(self) -> list[int]:
        return [each["pid"] for each in self.workers()]

    def samples(self, **wanted: str) -> dict[tuple[str, str], float]:
        """By name and worker, what all its series with these labels add up to."""
        found: dict[tuple[str, str], float] = defaultdict(float)
        for family in text_string_to_metric_families(self.ask("/metrics")[1]):
            for each in family.samples:
                if wanted.items() <= each.labels.items():
                    found[each.name, each.labels["worker"]] += each.value
        return found


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"
