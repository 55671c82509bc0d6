"""Requests over HTTP while versions are promoted on a real Kafka, and a worker that is stopped under load."""

from __future__ import annotations

import json
import threading
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from typer.testing import CliRunner

from models.registry import Registry
from streams.cli.main import app
from streams.demo.processes import free_ports
from tests.faults.workload import FEATURES, MODEL
from tests.kafka.test_promote import registry as registry_fixture
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import Worker, make_topics, until
from tests.unit.http.token_kit import AUDIENCE, ISSUER, OTHER_RSA, RSA, jwks, public, token

registry = registry_fixture


class Caller(threading.Thread):
    """Asks about one row after the other until it is told to stop, or the door is closed."""

    def __init__(self, url: str, seed: int) -> None:
        super().__init__()
        self._url, self._rng = url, np.random.default_rng(seed)
        self.enough = threading.Event()
        self.rows: list[list[float]] = []
        self.answers: list[dict[str, Any]] = []
        self.refused: list[object] = []

    def run(self) -> None:
        while not self.enough.is_set():
            row = self._rng.normal(size=len(FEATURES)).round(4).tolist()
            event = {"id": f"e{len(self.rows)}", "features": dict(zip(FEATURES, row, strict=True))}
            headers = {"Content-Type": "application/json"}
            request = Request(self._url, json.dumps(event).encode(), headers, method="POST")
            try:
                with urlopen(request, timeout=20) as answer:
                    self.answers.append(json.load(answer))
                    self.rows.append(row)
            except OSError as error:
                self.refused.append(getattr(error, "reason", error))
                return

    def versions(self) -> list[str]:
        return [version for version, _ in groupby(answer["version"] for answer in self.answers)]


def test_versions_change_between_requests_and_a_stop_loses_no_answer(
    topics: Topics, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_topics(topics)
    port = free_ports(1)[0]
    kafka = {"bootstrap_servers": topics.bootstrap_servers}
    door = Worker(topics, registry, tmp_path / "door", kafka, roles="http", WEIR_HTTP__PORT=str(port))
    control = Worker(topics, registry, tmp_path / "drift", kafka, roles="drift", WEIR_WORKER__SLOT="1")
    callers = [Caller(f"http://127.0.0.1:{port}/predict", seed) for seed in range(4)]
    with door, control:
        until(lambda: door.is_ready() and control.is_ready(), door, "both are ready")
        for caller in callers:
            caller.start()
        for version in ("2", "3"):
            promoted = CliRunner().invoke(
                app, ["model", "promote", MODEL, version, "--author", "ann"], env=door.environment
            )
            assert promoted.exit_code == 0, promoted.stderr
            until(
                lambda version=version: all(caller.versions()[-1:] == [version] for caller in callers),
                door,
                f"version {version} answers",
            )
        assert f'weir_model_active{{model="{MODEL}",version="3"}} 1.0' in door.ask("/metrics")[1]
        assert door.stop() == 0
        for caller in callers:
            caller.join(30)

    for caller in callers:
        assert caller.versions() == ["1", "2", "3"]
        # The port is closed: that is no answer lost, and no answer of the door's either.
        assert all(isinstance(why, ConnectionError) for why in caller.refused), caller.refused
        for version in ("1", "2", "3"):
            at = [index for index, answer in enumerate(caller.answers) if answer["version"] == version]
            offline = Registry(registry).load(MODEL, version).predict(np.array(caller.rows)[at])
            assert [caller.answers[index]["prediction"] for index in at] == offline.values
            assert [caller.answers[index]["score"] for index in at] == offline.scores


def test_tokens_open_both_ports_of_a_worker_and_a_promotion_is_audited(
    topics: Topics, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_topics(topics)
    (port,) = free_ports(1)
    signing_keys = tmp_path / "jwks.json"
    signing_keys.write_bytes(jwks(public(RSA, kid="r")))
    tokens = {"JWT_KEYS_FILE": str(signing_keys), "JWT_AUDIENCE": AUDIENCE, "JWT_ISSUER": ISSUER, "PORT": str(port)}
    settings = {f"WEIR_HTTP__{key}": value for key, value in tokens.items()}
    kafka = {"bootstrap_servers": topics.bootstrap_servers}
    worker = Worker(topics, registry, tmp_path / "w", kafka, roles="http,drift", WEIR_ADMIN__HOST="0.0.0.0", **settings)
    event = json.dumps({"id": "e", "features": dict.fromkeys(FEATURES, 0.5)}).encode()

    def status(url: str, credential: str | None, body: bytes | None = None) -> int:
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {credential}"} if credential else {}
        )
        try:
            with urlopen(Request(url, body, headers), timeout=20) as answer:
                return answer.status
        except HTTPError as error:
            error.close()
            return error.code

    def statuses(credential: str | None) -> tuple[int, int]:
        predicted = status(f"http://127.0.0.1:{port}/predict", credential, event)
        return predicted, status(worker.url("/metrics"), credential)

    with worker:
        until(worker.is_ready, worker, "it is ready, and says so to everybody")
        assert statuses(None) == (401, 401)
        assert statuses(token()) == (200, 403)
        assert statuses(token(scope="read")) == (403, 200)
        assert statuses(token(OTHER_RSA, scope="admin")) == (401, 401)
        signing_keys.write_bytes(jwks(public(OTHER_RSA, kid="r")))
        until(lambda: statuses(token()) == (401, 401), worker, "the key of before is gone")
        assert statuses(token(OTHER_RSA, scope="admin")) == (200, 200)

        promote = ["model", "promote", MODEL, "2", "--author", "ann@bank.example", "--reason", "better"]
        assert CliRunner().invoke(app, promote, env=worker.environment).exit_code == 0
        told = ('"streams.audit"', '"who": "ann@bank.example"', f'"promote {MODEL}"', '"accepted"', '"better"')
        until(lambda: worker.says(*told), worker, "it is in the audit log")
    assert token().rpartition(".")[0][:60] not in worker.log()
