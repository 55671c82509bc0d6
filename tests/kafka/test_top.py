"""`weir top` beside a real worker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli.main import app
from streams.kafka.topics import create_topics, default_plan
from streams.settings import TopicSettings
from tests.faults.workload import MODEL, publish_model
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import Traffic, Worker, until


def test_it_shows_a_worker_that_lives_and_one_that_is_gone(
    topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = default_plan(TopicSettings(prefix=topics.prefix), partitions=2)
    create_topics({"bootstrap.servers": topics.bootstrap_servers}, plan)
    publish_model(tmp_path / "registry")
    traffic = Traffic(topics)
    kafka = {"bootstrap_servers": topics.bootstrap_servers}
    with Worker(topics, tmp_path / "registry", tmp_path / "worker", kafka, roles="predict") as worker:
        runner = CliRunner(env=worker.environment)
        traffic.send(0, bad=3)
        traffic.send(200, bad=0)
        until(traffic.is_answered, worker, "all is answered")

        def told() -> bool:
            result = runner.invoke(app, ["top", "--once", "--json"])
            assert result.exit_code == 0, result.output
            state = json.loads(result.stdout)
            assert state["problem"] is None
            (own,) = state["workers"]
            counted = {each["reason"]: each["count"] for each in state["reasons"]}
            return (own["state"], own["models"], counted.get("json")) == ("ready", {MODEL: "1"}, 3)

        until(told, worker, "it is told")
        text = runner.invoke(app, ["top", "--once"], terminal_width=80)
        assert "workers 1 of 1 ready" in text.stdout
        assert max(map(len, text.stdout.splitlines())) <= 80
        clock = runner.invoke(app, ["doctor", "--role", "predict", "--json"])
        assert json.loads(clock.stdout) | {"checked": []} == {
            "reachable": True, "findings": [], "checked": [], "not_checked": [],
        }, clock.output  # fmt: skip
    stopped = runner.invoke(app, ["top", "--once"])
    assert "! no worker tells of itself; `weir worker` starts one" in " ".join(stopped.stdout.split())
    assert "workers 0 of 1 ready" in stopped.stdout


def test_without_its_topic_it_says_how_to_make_it(topics: Topics) -> None:
    environment = {
        "WEIR_KAFKA__BOOTSTRAP_SERVERS": topics.bootstrap_servers,
        "WEIR_TOPICS__PREFIX": topics.prefix,
    }
    result = CliRunner(env=environment).invoke(app, ["top", "--once"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "weir topics create" in result.stderr
