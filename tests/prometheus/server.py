"""A real Prometheus on loopback, for one test."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from streams.demo.processes import free_ports


def why_no_prometheus() -> str | None:
    """Why nothing can be scraped here; None: it can."""
    return None if shutil.which("prometheus") else "there is no `prometheus` to scrape metrics with"


class Prometheus:
    """What its HTTP API says."""

    def __init__(self, base: str) -> None:
        self._base = base

    def asked(self, path: str, **parameters: str) -> Any:
        """The data of an answer. Raises HTTPError where it is none, or the expression fails."""
        with urlopen(f"{self._base}/api/v1/{path}?{urlencode(parameters)}", timeout=10) as response:
            return json.load(response)["data"]

    def value(self, expression: str) -> list[Any]:
        found: list[Any] = self.asked("query", query=expression)["result"]
        return found

    def answers(self) -> bool:
        try:
            self.asked("status/buildinfo")
        except OSError:
            return False
        return True


@contextmanager
def scraping(targets: Sequence[str], rules: Path, folder: Path) -> Iterator[Prometheus]:
    """One that scrapes these addresses each second, and evaluates the rules as often."""
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "weir", "static_configs": [{"targets": list(targets)}]}],
    }
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(config))
    (port,) = free_ports(1)
    command = [
        "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()
