"""The table of rights is the least: with it all works, without one of its lines the worker names it and waits."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer

from streams.kafka import feed as feeding
from streams.kafka.client import ClientConfig, client_config
from streams.kafka.publisher import Publisher
from streams.kafka.rights import Rights
from streams.settings import KafkaSettings, SecretStr
from tests import waiting
from tests.docs.pages import plain, table
from tests.faults.workload import FEATURES
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import PARTITIONS, Traffic, Worker, make_topics, until
from tests.security.secured import SECRET, Right, Secured
from tests.security.test_mechanisms import run, sasl

USER = "worker"
WORKERS = ("predict worker", "drift worker")
ALL_TOPICS = (
    "events",
    "predictions",
    "dead-letters",
    "labels",
    "joins",
    "observations",
    "alerts",
    "state",
    "control",
    "figures",
)


def documented(topics: Topics, *who: str) -> list[Right]:
    """The lines of the table for these, with the names of this test."""
    rights = []
    for row in table("docs/reference/rights.md", "who", "operation", "on", "name", "pattern"):
        if row["who"].strip("`") in who:
            kind, prefixed = plain(row["on"]), plain(row["pattern"]) == "prefixed"
            names = ALL_TOPICS if row["name"] == "every topic" else (plain(row["name"]),)
            rights += [Right(plain(row["operation"]), kind, topics.name(name), prefixed) for name in names]
    assert rights
    return list(dict.fromkeys(rights))


@pytest.fixture
def kafka_keys(secured: Secured) -> dict[str, object]:
    return sasl(secured, "SCRAM-SHA-512", USER)


@pytest.fixture
def config(kafka_keys: dict[str, object]) -> ClientConfig:
    return client_config(
        KafkaSettings(
            bootstrap_servers=str(kafka_keys["bootstrap_servers"]),
            security_protocol="sasl_ssl",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_username=USER,
            sasl_password=SecretStr(SECRET),
            ssl_ca_location=Path(str(kafka_keys["ssl_ca_location"])),
        )
    )


def test_a_worker_without_any_right_names_them_all_and_works_once_it_has_them(
    secured: Secured, topics: Topics, registry: Path, tmp_path: Path, kafka_keys: dict[str, object]
) -> None:
    """Then it is killed, and its successor replays with the same rights."""
    make_topics(topics)
    rights = documented(topics, *WORKERS)
    traffic = Traffic(topics)
    traffic.send()
    with Worker(topics, registry, tmp_path / "worker", kafka_keys) as worker:
        seen = [right for right in rights if right.kind != "transactional-id"]
        until(lambda: all(worker.says("missing", right.as_said()) for right in seen), worker, "it names every right")
        assert worker.says(
            "missing",
            "likely cause: no ACL",
            "kafka-acls.sh --add --allow-principal 'User:worker' --operation Read --topic",
        )
        used = worker.cpu_s()
        waited = time.monotonic()
        secured.grant(USER, seen)
        ids = [right for right in rights if right.kind == "transactional-id"]
        until(lambda: all(worker.says("waiting for a right", right.as_said()) for right in ids), worker, "and the ids")
        assert worker.cpu_s() - used < 0.3 * (time.monotonic() - waited) + 2.0  # joining and loading are no waiting
        secured.grant(USER, ids)
        until(traffic.is_answered, worker, "all is answered")
        until(lambda: bool(traffic.read("state")), worker, "snapshots are written")
        assert worker.process is not None
        worker.process.kill()
        worker.process.wait()
        traffic.send()
        mark = len(worker.log())
        worker.start()
        until(traffic.is_answered, worker, "all is answered after the kill")
        assert not worker.says("missing", since=mark)
        until(lambda: traffic.observed() == len(traffic.good), worker, "every good event is observed")
    traffic.assert_exactly_once()


def test_each_right_that_is_revoked_while_it_runs_is_named_and_waited_for(
    secured: Secured, topics: Topics, registry: Path, tmp_path: Path, kafka_keys: dict[str, object]
) -> None:
    make_topics(topics)
    rights = documented(topics, *WORKERS)
    secured.grant(USER, rights)
    # Read on `state` is for a start, Describe for its check, and an alert takes a drift: they have tests of their own.
    # The control lane is at rest until somebody commands.
    apart = [("Read", "state"), ("Describe", "events"), ("Write", "alerts")]
    moving = [right for right in rights if "control" not in right.name]
    running = [right for right in moving if (right.operation, right.name.removeprefix(topics.prefix)) not in apart]
    traffic = Traffic(topics)
    with Worker(topics, registry, tmp_path / "worker", kafka_keys) as worker:
        traffic.send()
        until(traffic.is_answered, worker, "all is answered")
        for right in running:
            mark = len(worker.log())
            secured.revoke(USER, [right])
            traffic.send()
            until(
                lambda r=right, m=mark: worker.says("waiting for a right", r.as_said(), since=m),
                worker,
                f"it names {right}",
            )
            assert not worker.is_ready(), right
            secured.grant(USER, [right])
            until(traffic.is_answered, worker, f"all is answered after {right}")
            until(worker.is_ready, worker, f"it is ready after {right}")
        until(lambda: traffic.observed() == len(traffic.good), worker, "every good event is observed")
    traffic.assert_exactly_once()


def test_a_right_to_read_that_is_gone_for_a_while_without_events_shows_in_readiness(
    secured: Secured, topics: Topics, registry: Path, tmp_path: Path, kafka_keys: dict[str, object]
) -> None:
    make_topics(topics)
    rights = documented(topics, *WORKERS)
    secured.grant(USER, rights)
    reading = [right for right in rights if right.operation == "Read" and right.name == topics.name("events")]
    with Worker(topics, registry, tmp_path / "worker", kafka_keys, roles="predict") as worker:
        until(worker.is_ready, worker, "it is ready")
        secured.revoke(USER, reading)
        until(lambda: not worker.is_ready(), worker, "it is no longer ready")
        assert worker.says("waiting for a right", reading[0].as_said())
        assert worker.ask("/livez")[0] == 200
        secured.grant(USER, reading)
        until(worker.is_ready, worker, "it is ready again, without an event")
        assert worker.says("what was missing is there")


def test_an_alert_that_may_not_be_published_is_waited_for(
    secured: Secured, topics: Topics, registry: Path, tmp_path: Path, kafka_keys: dict[str, object]
) -> None:
    make_topics(topics)
    rights = documented(topics, *WORKERS)
    secured.grant(USER, rights)
    write_alerts = next(right for right in rights if right.name == topics.name("alerts"))
    with Worker(topics, registry, tmp_path / "worker", kafka_keys) as worker:
        until(worker.is_ready, worker, "it is ready")
        secured.revoke(USER, [write_alerts])
        drifting = drift(topics)
        until(
            lambda: next(drifting) and worker.says("waiting for a right", write_alerts.as_said()), worker, "it says so"
        )
        secured.grant(USER, [write_alerts])
        traffic = Traffic(topics)
        until(lambda: bool(traffic.read("alerts")), worker, "the alert is there")
    alerts = [json.loads(record.value or b"") for record in traffic.read("alerts")]
    firing = [alert["alert_id"] for alert in alerts if alert["state"] == "firing"]
    assert len(firing) == len(set(firing))


def drift(topics: Topics) -> Iterator[bool]:
    """Blocks of events as in training and then far from it, a block each time."""
    producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})
    now = int(time.time() * 1000) - 600_000
    number = 0
    while True:
        for _ in range(400):
            shift = 3.0 if number > 4000 else 0.0
            features = dict.fromkeys(FEATURES, (number * 7919 % 200 - 100) / 60 + shift)
            value = json.dumps({"id": f"d{number}", "time": now + number * 5, "features": features})
            producer.produce(topics.name("events"), value, partition=number % PARTITIONS)
            number += 1
        assert producer.flush(30) == 0
        yield True


def test_each_missing_right_is_found_by_asking(secured: Secured, topics: Topics, config: ClientConfig) -> None:
    make_topics(topics)
    topics.create("examples", 1)
    lanes = (
        ("predict worker", "weir-predict"),
        ("drift worker", "weir-drift"),
        ("drift worker", "weir-control"),
        ("labels", "weir-labels"),
        ("labels", "weir-label-intake"),
        ("learner", "weir-learner"),
    )
    for who, source in lanes:
        of_worker = [right for right in documented(topics, who) if right.kind != "transactional-id"]
        rights = [right for right in of_worker if right.kind != "group" or right.name == topics.name(source)]
        secured.grant(USER, rights)
        needs: dict[str, tuple[str, ...]] = {}
        for right in rights:
            if right.kind == "topic":
                needs[right.name] = (*needs.get(right.name, ()), right.operation)
        asking = Rights(config, needs, topics.name(source), topics.name(f"{source}-0"))  # type: ignore[arg-type]
        waiting.until(lambda a=asking: a.missing() == [], "nothing is missing", 20)
        for right in rights:
            secured.revoke(USER, [right])
            expected = {(right.operation, right.kind, right.name)}
            waiting.until(
                lambda a=asking, e=expected: {(r.operation, r.kind, r.name) for r in a.missing()} == e,
                f"{right} is found",
                20,
            )
            secured.grant(USER, [right])
        secured.revoke(USER, rights)


def test_a_missing_transactional_id_is_waited_for(secured: Secured, topics: Topics, config: ClientConfig) -> None:
    said: list[KafkaError] = []
    identity = topics.name("weir-predict-0")

    def waiting(error: KafkaError) -> None:
        said.append(error)
        if len(said) == 2:
            secured.grant(USER, [Right("Write", "transactional-id", identity)])

    publisher = Publisher(config, identity, reach=lambda _: None, stop=lambda: len(said) > 20, waiting=waiting)
    publisher.open()
    publisher.close()
    assert {error.code() for error in said} == {KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED}
    explained = Rights(config, {}, topics.name("g"), identity).explain(said[0])
    assert explained is not None
    assert f"Write on transactional id '{identity}'" in explained.why


def test_producer_and_consumer_need_what_the_table_says(secured: Secured, topics: Topics, config: ClientConfig) -> None:
    make_topics(topics)
    secured.grant(USER, documented(topics, "producer", "consumer"))
    refused: list[object] = []
    producer = Producer({**config, "enable.idempotence": True, "on_delivery": lambda error, _: refused.append(error)})
    producer.produce(topics.name("events"), b"{}")
    assert producer.flush(30) == 0
    assert refused == [None]
    other = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})
    other.produce(topics.name("predictions"), b"an answer")
    assert other.flush(30) == 0
    consumer = Consumer({**config, "group.id": topics.name("my-service"), "auto.offset.reset": "earliest"})
    consumer.subscribe([topics.name("predictions")])
    try:
        message = next(m for m in iter(lambda: consumer.poll(30), None) if m.error() is None)
        assert message.value() == b"an answer"
        consumer.commit(message, asynchronous=False)
    finally:
        consumer.close()


def test_commands_need_what_the_table_says_and_tell_a_refusal_from_an_outage(
    secured: Secured, topics: Topics, registry: Path, tmp_path: Path, kafka_keys: dict[str, object]
) -> None:
    as_set = Worker(topics, registry, tmp_path / "worker", kafka_keys)
    refused = run(as_set, "topics", "create", "--replication", "1")
    assert refused.returncode == 1
    assert topics.name("events") in refused.stderr
    assert "docs/reference/rights.md" in refused.stderr
    secured.grant(USER, documented(topics, "weir topics"))
    created = run(as_set, "topics", "create", "--partitions", str(PARTITIONS), "--replication", "1")
    assert created.returncode == 0, created.stderr
    assert run(as_set, "topics", "check").returncode == 0
    producer = Producer({"bootstrap.servers": topics.bootstrap_servers, "log_level": 2})
    producer.produce(topics.name("alerts"), b'{"alert_id": "a", "dedupe_key": "a", "state": "resolved"}', b"a")
    assert producer.flush(30) == 0
    refused = run(as_set, "alerts", "--json")
    assert refused.returncode == 1
    assert topics.name("alerts") in refused.stderr
    secured.revoke(USER, documented(topics, "weir topics"))
    secured.grant(USER, documented(topics, "weir alerts"))
    assert [alert["alert_id"] for alert in json.loads(run(as_set, "alerts", "--json").stdout)] == ["a"]
    assert run(as_set, "status", "--json").returncode == 1
    secured.grant(USER, documented(topics, "weir status"))
    status = run(as_set, "status", "--json")
    assert status.returncode == 0, status.stderr
    secured.revoke(USER, documented(topics, "weir status", "weir alerts"))
    headers = {"weir-source": f"{topics.name('events')}/0/0", "weir-reason": "json", "weir-stage": "decode"}
    producer.produce(topics.name("dead-letters"), b"x", partition=0, headers=[*headers.items()])
    producer.produce(topics.name("events"), b'{"id": "e"}', partition=0)
    assert producer.flush(30) == 0
    for arguments in (
        ["dlq", "list"],
        ["dlq", "show", "0:0"],
        ["dlq", "redrive", "--yes"],
        ["why", "e", "--since", "1h"],
    ):
        who = f"weir {' '.join(arguments[:1] if arguments[0] == 'why' else arguments[:2])}"
        refused = run(as_set, *arguments)
        assert refused.returncode == 1, refused.stderr
        secured.grant(USER, documented(topics, who))
        allowed = run(as_set, *arguments)
        assert allowed.returncode == 0, allowed.stderr
        secured.revoke(USER, documented(topics, who))


def test_a_replay_needs_what_the_table_says(
    secured: Secured, topics: Topics, registry: Path, tmp_path: Path, kafka_keys: dict[str, object]
) -> None:
    make_topics(topics)
    as_set = Worker(topics, registry, tmp_path / "worker", kafka_keys)
    Traffic(topics).send(bad=0)
    for options, topic in (((), "control"), (("--version", "1"), "events")):
        refused = run(as_set, "replay", "--partition", "0", *options)
        assert refused.returncode == 1
        assert topics.name(topic) in refused.stderr
    secured.grant(USER, documented(topics, "weir replay"))
    compared = run(as_set, "replay", "--partition", "0", "--compare", "--json")
    assert compared.returncode == 0, compared.stderr
    assert json.loads(compared.stdout)["comparison"]["verdicts"]["unpublished"] == 10
    side = ("replay", "--partition", "0", "--to-topic", topics.name("replay-"), "--json")
    assert run(as_set, *side).returncode == 1
    secured.grant(USER, documented(topics, "weir replay --to-topic"))
    published = run(as_set, *side)
    assert published.returncode == 0, published.stderr
    assert len(Traffic(topics).read("replay-predictions")) == 10


def test_a_page_reads_what_it_may_and_names_what_it_may_not(
    secured: Secured, topics: Topics, config: ClientConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "AGAIN_S", 0.3)
    alerts, figures = topics.create("alerts"), topics.create("figures")
    missing = Right("Read", "topic", figures, prefixed=False)
    secured.grant(USER, [Right("Read", "topic", alerts, prefixed=False), Right("Describe", "topic", figures, False)])
    stop = threading.Event()
    try:
        reads = feeding.feed(config, {figures: None, alerts: None}, stop)
        read = next(read for read in reads if read.unreadable and not read.behind)
        assert set(read.unreadable) == {figures}
        assert "docs/reference/rights.md" in read.unreadable[figures]
        secured.grant(USER, [missing])
        again = next(read for read in reads if read.afresh is not None)
        assert set(again.afresh or ()) == {figures, alerts}
    finally:
        stop.set()
