"""`weir topics create` and `check`, on a real Kafka and on the embedded broker."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType
from typer.testing import CliRunner, Result

from streams.cli.main import app
from streams.demo.kraft import KafkaCluster
from streams.demo.processes import free_ports
from streams.kafka.topics import TopicPlan, TopicsNotCreated, check_topics, create_topics, default_plan
from streams.settings import TopicSettings


class Place:
    """A broker and topic names of this test's own."""

    def __init__(self, servers: str) -> None:
        self.config: dict[str, str | int | float | bool] = {"bootstrap.servers": servers}
        self.topics = TopicSettings(prefix=f"t{uuid.uuid4().hex[:8]}.")
        self.admin = AdminClient({"log_level": 2, **self.config})

    def weir(self, *arguments: str) -> Result:
        environment = {
            "WEIR_KAFKA__BOOTSTRAP_SERVERS": str(self.config["bootstrap.servers"]),
            "WEIR_TOPICS__PREFIX": self.topics.prefix,
        }
        return CliRunner(env=environment).invoke(app, ["topics", *arguments])

    def close(self) -> None:
        there = set(self.admin.list_topics(timeout=10).topics) & set(self.topics.names.values())
        for future in self.admin.delete_topics(sorted(there)).values() if there else ():
            future.result(30)


@pytest.fixture
def place(any_broker: str) -> Iterator[Place]:
    mine = Place(any_broker)
    yield mine
    mine.close()


def test_what_was_created_passes_the_check_and_is_left_alone_the_second_time(place: Place) -> None:
    plan = default_plan(place.topics, partitions=3)
    first = create_topics(place.config, plan)
    assert [(each.topic, each.partitions, each.new) for each in first] == [(p.name, p.partitions, True) for p in plan]
    assert check_topics(place.config, plan) == []
    assert not any(each.new for each in create_topics(place.config, plan))


def test_settings_reach_the_broker(place: Place) -> None:
    create_topics(place.config, default_plan(place.topics))
    resource = ConfigResource(ResourceType.TOPIC, place.topics.name("state"))
    settings = place.admin.describe_configs([resource])[resource].result(10)
    assert settings["cleanup.policy"].value == "compact"
    assert settings["segment.bytes"].value == "16777216"


def test_what_follows_the_events_gets_the_count_of_the_events_that_are_there(place: Place) -> None:
    events = place.topics.name("events")
    place.admin.create_topics([NewTopic(events, num_partitions=4, replication_factor=1)])[events].result(10)
    plan = default_plan(place.topics, partitions=6)
    counts = {each.topic: each.partitions for each in create_topics(place.config, plan)}
    assert {counts[place.topics.name(role)] for role in ("events", "predictions", "dead_letters")} == {4}
    assert check_topics(place.config, plan) == []


def test_topics_made_by_hand_are_found_out(place: Place) -> None:
    create_topics(place.config, [TopicPlan(role, name, 2, None, {}) for role, name in place.topics.names.items()])
    found = {
        (each.topic.removeprefix(place.topics.prefix), each.what)
        for each in check_topics(place.config, default_plan(place.topics))
    }
    assert {
        ("state", "cleanup.policy"),
        ("control", "cleanup.policy"),
        ("control", "partitions"),
        ("alerts", "cleanup.policy"),
        ("dead-letters", "max.message.bytes"),
    } <= found


def test_what_the_broker_refuses_is_named_in_its_words_and_the_rest_is_created(place: Place) -> None:
    taken = create_topics(place.config, [each for each in default_plan(place.topics) if each.role == "events"])
    assert taken[0].new
    with pytest.raises(TopicsNotCreated, match="replication factor") as refused:
        create_topics(place.config, default_plan(place.topics, replication=3))
    assert place.topics.name("state") in refused.value.refused
    assert place.topics.name("events") not in refused.value.refused


def test_the_command_creates_and_checks(place: Place) -> None:
    before = place.weir("check", "--json")
    assert before.exit_code == 4
    assert {each["what"] for each in json.loads(before.stdout)} == {"missing"}
    created = place.weir("create", "--partitions", "2", "--json")
    assert created.exit_code == 0, created.stderr
    learnt = place.topics.name("examples")  # for whom a learner is declared
    assert {each["topic"] for each in json.loads(created.stdout)} == set(place.topics.names.values()) - {learnt}
    after = place.weir("check", "--json")
    assert (after.exit_code, json.loads(after.stdout)) == (0, [])


def test_the_command_says_what_the_broker_refused(place: Place) -> None:
    refused = place.weir("create", "--replication", "3")
    assert refused.exit_code == 1
    assert place.topics.name("events") in refused.stderr


def test_no_broker_is_exit_code_3_with_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("WEIR_KAFKA__BOOTSTRAP_SERVERS", address)
    result = CliRunner().invoke(app, ["topics", "check", "--json"])
    assert result.exit_code == 3
    assert address in result.stderr
    assert result.stdout == ""


def test_bad_settings_are_exit_code_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_TOPICS__PREFIX", "not a name")
    result = CliRunner().invoke(app, ["topics", "create"])
    assert result.exit_code == 2
    assert "topics.prefix" in result.stderr


def test_three_brokers_keep_three_copies_and_fewer_are_a_finding(kafka3: KafkaCluster) -> None:
    three, one = Place(kafka3.bootstrap_servers), Place(kafka3.bootstrap_servers)
    try:
        create_topics(three.config, default_plan(three.topics, partitions=1))
        assert check_topics(three.config, default_plan(three.topics)) == []
        create_topics(one.config, default_plan(one.topics, partitions=1, replication=1))
        assert {each.what for each in check_topics(one.config, default_plan(one.topics))} == {"replication"}
    finally:
        three.close()
        one.close()
