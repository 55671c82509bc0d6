"""An event that belongs to a trace leads from the latencies to it."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import Request, urlopen

from confluent_kafka import Producer
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from tests.faults.workload import FEATURES, publish_model
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import Traffic, Worker, make_topics, until

TRACE = "0af7651916cd43dd8448eb211c80319c"


def traces(worker: Worker) -> set[str]:
    """Beside the latencies, as Prometheus sees them."""
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    with urlopen(Request(worker.url("/metrics"), headers=accept), timeout=10) as response:
        families = parse_openmetrics(response.read().decode())
    samples = [sample for family in families if family.name == "weir_end_to_end_seconds" for sample in family.samples]
    return {sample.exemplar.labels["trace_id"] for sample in samples if sample.exemplar}


def test_the_trace_of_an_event_is_told_with_the_latencies(topics: Topics, tmp_path: Path) -> None:
    make_topics(topics)
    publish_model(tmp_path / "registry")
    producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})
    servers = {"bootstrap_servers": topics.bootstrap_servers}
    with Worker(topics, tmp_path / "registry", tmp_path / "worker", servers, roles="predict") as worker:
        until(worker.is_ready, worker, "ready")
        Traffic(topics).send()
        headers = [("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")]
        event = {"id": "traced", "features": dict.fromkeys(FEATURES, 0.25)}
        producer.produce(topics.name("events"), json.dumps(event), headers=headers)
        assert producer.flush(30) == 0
        until(lambda: traces(worker) == {TRACE}, worker, "the trace is told")
