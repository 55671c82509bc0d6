"""What a worker on a real Kafka tells of itself, with its topic and without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from confluent_kafka.admin import AdminClient

from streams.page.figures import MOST_BYTES, decode_figures
from tests.faults.workload import publish_model
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import Traffic, Worker, make_topics, until


def states(url: str) -> Iterator[dict[str, Any]]:
    """What the page's stream says, until it is closed."""
    with urlopen(f"{url}/page/stream", timeout=30) as stream:
        event = ""
        for line in stream:
            name, _, data = line.decode().strip().partition(": ")
            if name == "event":
                event = data
            elif name == "data" and event == "state":
                yield json.loads(data)


def test_without_the_topic_nothing_is_held_up_and_the_page_shows_this_worker_until_it_is_made(
    topics: Topics, tmp_path: Path
) -> None:
    make_topics(topics)
    publish_model(tmp_path / "registry")
    traffic = Traffic(topics)
    with Worker(
        topics, tmp_path / "registry", tmp_path / "worker", {"bootstrap_servers": topics.bootstrap_servers}
    ) as worker:
        until(worker.is_ready, worker, "it is ready")
        traffic.send()
        until(traffic.is_answered, worker, "all is answered")
        until(lambda: worker.says("figures not published"), worker, "it says that nobody sees it")
        url = f"http://127.0.0.1:{worker.environment['WEIR_ADMIN__PORT']}"
        with closing(states(url)) as told:
            first = next(told)
            assert topics.name("figures") in first["problem"]
            assert [each["slot"] for each in first["workers"]] == ["0"]
            admin = AdminClient({"bootstrap.servers": topics.bootstrap_servers})
            assert topics.name("figures") not in admin.list_topics(timeout=10).topics, "nobody made it"
            topics.create("figures", 1, {"message.timestamp.type": "LogAppendTime"})
            shown = next(state for state in told if state["problem"] is None and state["workers"])
            assert [each["state"] for each in shown["workers"]] == ["ready"]
            traffic.send(200)
            counted = next(state for state in told if state["totals"]["answered"] > 0 and state["reasons"])
        assert counted["reasons"][0]["reason"] == "json"
        assert worker.log().count("figures not published") == 1
    records = traffic.read("figures")
    last = decode_figures(records[-1].value)
    assert last is not None
    assert (last.slot, last.leaving) == ("0", True)
    assert max(len(record.value or b"") for record in records) < MOST_BYTES / 8
    traffic.assert_exactly_once()
