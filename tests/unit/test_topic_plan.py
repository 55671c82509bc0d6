"""What a check of topics says, without a broker."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.topic_plan import EVENT_BYTES, Finding, Rule, TopicFound, TopicPlan, default_plan, find_problems
from streams.settings import TopicSettings

PLAN = default_plan(TopicSettings())


def as_planned(plan: list[TopicPlan] = PLAN) -> dict[str, TopicFound]:
    return {each.name: TopicFound(each.partitions, 1, {"max.message.bytes": "1048588", **each.config}) for each in plan}


def findings_with(topic: str, *, brokers: Any = 1, **changes: Any) -> list[Finding]:
    """Findings when one topic differs from the plan; in the names of settings `_` stands for a dot."""
    found = as_planned()
    settings = {key.replace("_", "."): str(value) for key, value in changes.items() if "_" in key}
    rest = {key: value for key, value in changes.items() if "_" not in key}
    found[topic] = replace(found[topic], config={**found[topic].config, **settings}, **rest)
    return find_problems(PLAN, found, brokers)


def test_topics_made_by_the_plan_have_no_findings() -> None:
    assert find_problems(PLAN, as_planned(), brokers=1) == []


def test_every_topic_of_the_contract_is_planned_under_its_prefix() -> None:
    topics = TopicSettings(prefix="north.")
    assert {each.name for each in default_plan(topics, learning=True)} == set(topics.names.values())


def test_a_missing_topic_is_a_finding_that_names_the_command() -> None:
    found = as_planned()
    del found["joins"]
    (finding,) = find_problems(PLAN, found, brokers=1)
    assert (finding.topic, finding.what) == ("joins", "missing")
    assert "weir topics create" in finding.fix


@pytest.mark.parametrize("topic", ["predictions", "dead-letters"])
def test_what_keeps_the_event_s_partition_number_has_its_count(topic: str) -> None:
    (finding,) = findings_with(topic, partitions=5)
    assert (finding.topic, finding.what, finding.found, finding.wanted) == (topic, "partitions", "5", "6")
    assert f"--topic {topic} --partitions 6" in finding.fix


def test_partitions_cannot_be_taken_away_so_the_events_get_more() -> None:
    (finding,) = findings_with("predictions", partitions=8)
    assert "--topic events --partitions 8" in finding.fix


def test_an_existing_events_topic_sets_the_count_not_the_plan() -> None:
    assert find_problems(PLAN, as_planned(default_plan(TopicSettings(), partitions=12)), brokers=1) == []


def test_commands_have_one_order() -> None:
    (finding,) = findings_with("control", partitions=2)
    assert (finding.what, finding.wanted) == ("partitions", "1")


@pytest.mark.parametrize(
    ("topic", "key", "value"),
    [
        ("events", "cleanup.policy", "compact"),
        ("observations", "cleanup.policy", "compact,delete"),
        ("state", "cleanup.policy", "delete"),
        ("state", "segment.bytes", "1073741824"),
        ("state", "min.cleanable.dirty.ratio", "0.5"),
        ("alerts", "cleanup.policy", "compact"),
        ("joins", "retention.ms", "3600000"),
        ("predictions", "unclean.leader.election.enable", "true"),
    ],
)
def test_a_setting_that_breaks_a_promise_is_a_finding_with_the_command_that_mends_it(
    topic: str, key: str, value: str
) -> None:
    (finding,) = findings_with(topic, **{key.replace(".", "_"): value})
    assert (finding.topic, finding.what, finding.found) == (topic, key, value)
    assert finding.fix.startswith(f"kafka-configs.sh --alter --entity-type topics --entity-name {topic} ")


def test_the_order_of_a_policy_s_words_does_not_matter() -> None:
    assert findings_with("alerts", cleanup_policy="delete,compact") == []


def test_no_retention_limit_is_long_enough() -> None:
    assert findings_with("joins", retention_ms=-1) == []


def test_the_largest_event_must_fit_into_a_dead_letter() -> None:
    (finding,) = findings_with("dead-letters", max_message_bytes=EVENT_BYTES)
    assert (finding.topic, finding.what) == ("dead-letters", "max.message.bytes")
    (finding,) = findings_with("events", max_message_bytes=10_000_000)
    assert (finding.topic, finding.wanted) == ("dead-letters", f"at least {10_000_000 + 65_536}")


def test_one_copy_is_enough_for_one_broker_only() -> None:
    assert {finding.what for finding in findings_with("events", brokers=3)} == {"replication"}
    assert findings_with("events", brokers=3, replication=3, min_insync_replicas=2) != findings_with(
        "events", brokers=3
    )


def test_three_copies_with_one_in_sync_may_lose_what_was_acknowledged() -> None:
    (finding,) = findings_with("events", replication=3, min_insync_replicas=1)
    assert (finding.what, finding.wanted) == ("min.insync.replicas", "at least 2")


def test_settings_that_a_broker_does_not_tell_are_no_findings() -> None:
    found = {each.name: TopicFound(each.partitions, 1) for each in PLAN}
    assert find_problems(PLAN, found, brokers=1) == []


@given(limit=st.integers(0, 10**12), value=st.integers(0, 10**12))
def test_a_limit_holds_from_its_own_value_on(limit: int, value: int) -> None:
    assert Rule("retention.ms", "at least", str(limit), "").holds(str(value)) == (value >= limit)
    assert Rule("segment.bytes", "at most", str(limit), "").holds(str(value)) == (value <= limit)
