"""Create Weir's topics and check those that are there. Topics that exist are never changed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from streams.kafka.client import BrokerUnreachable
from streams.kafka.topic_plan import Finding, TopicFound, TopicPlan, default_plan, find_problems, fit_to_events

__all__ = ["Created", "Finding", "TopicPlan", "TopicsNotCreated", "check_topics", "create_topics", "default_plan"]

BROKER_DEFAULT = -1
"""Replication factor: the broker's own default (KIP-464)."""


@dataclass(frozen=True, slots=True)
class Created:
    """A topic after `create_topics`; not `new` if it was there before."""

    topic: str
    partitions: int
    new: bool


class TopicsNotCreated(Exception):
    """The broker refused some topics; `refused` maps each to the broker's words. The others were created."""

    def __init__(self, refused: Mapping[str, str]) -> None:
        self.refused = dict(refused)
        lines = "".join(f"\n  {topic}: {why}" for topic, why in self.refused.items())
        super().__init__(f"the broker did not create {len(self.refused)} topics:{lines}")


def create_topics(
    client_config: Mapping[str, Any], plan: Sequence[TopicPlan], *, timeout_s: float = 30.0
) -> list[Created]:
    """Create the topics of the plan that are missing, and wait until each has leaders.

    Where `events` exists already, what follows its partition numbers gets its count.
    Raises BrokerUnreachable, TopicsNotCreated.
    """
    cluster = _Cluster(client_config, timeout_s)
    found = cluster.topics([each.name for each in plan])
    plans = fit_to_events(plan, found)
    missing = [each for each in plans if each.name not in found]
    refused: dict[str, str] = {}
    if missing:
        for name, future in cluster.admin.create_topics([_new_topic(each) for each in missing]).items():
            try:
                future.result(timeout_s)
            except KafkaException as error:
                cause: KafkaError = error.args[0]
                if cause.code() == KafkaError._TIMED_OUT:
                    raise cluster.unreachable(error) from error
                if cause.code() != KafkaError.TOPIC_ALREADY_EXISTS:  # else another process was quicker
                    refused[name] = cause.str()
    cluster.wait_for_leaders({each.name: each.partitions for each in missing if each.name not in refused})
    if refused:
        raise TopicsNotCreated(refused)
    return [
        Created(
            each.name, found[each.name].partitions if each.name in found else each.partitions, each.name not in found
        )
        for each in plans
    ]


def check_topics(
    client_config: Mapping[str, Any], plan: Sequence[TopicPlan], *, timeout_s: float = 10.0
) -> list[Finding]:
    """What is wrong with the topics of the plan, in its order; empty when all is well. Raises BrokerUnreachable."""
    cluster = _Cluster(client_config, timeout_s)
    found = cluster.topics([each.name for each in plan])
    return find_problems(plan, found, cluster.brokers)


def _new_topic(plan: TopicPlan) -> NewTopic:
    replication = BROKER_DEFAULT if plan.replication is None else plan.replication
    return NewTopic(plan.name, num_partitions=plan.partitions, replication_factor=replication, config=dict(plan.config))


class _Cluster:
    """One admin client, its deadline, and what it saw of the cluster."""

    def __init__(self, client_config: Mapping[str, Any], timeout_s: float) -> None:
        # log_level 2: errors are told once, by us, and not by librdkafka as well.
        self.admin = AdminClient({"log_level": 2, **client_config})
        self.brokers = 0
        self._servers = str(client_config.get("bootstrap.servers"))
        self._timeout_s = timeout_s

    def unreachable(self, error: KafkaException | None = None) -> BrokerUnreachable:
        why = error.args[0].str() if error else "no leaders yet"
        return BrokerUnreachable(self._servers, self._timeout_s, why)

    def topics(self, names: Sequence[str]) -> dict[str, TopicFound]:
        """The topics among `names` that exist, with their settings."""
        try:
            metadata = self.admin.list_topics(timeout=self._timeout_s)
            self.brokers = len(metadata.brokers)
            there = {name: metadata.topics[name].partitions for name in names if name in metadata.topics}
            # Only for topics that exist: some brokers never answer for others.
            resources = [ConfigResource(ResourceType.TOPIC, name) for name in there]
            described = self.admin.describe_configs(resources, request_timeout=self._timeout_s) if resources else {}
            configs = {
                resource.name: {
                    key: entry.value for key, entry in future.result(self._timeout_s).items() if entry.value
                }
                for resource, future in described.items()
            }
        except (KafkaException, TimeoutError) as error:
            raise self.unreachable(error if isinstance(error, KafkaException) else None) from error
        return {
            name: TopicFound(
                len(partitions), min((len(p.replicas) for p in partitions.values()), default=0), configs[name]
            )
            for name, partitions in there.items()
        }

    def wait_for_leaders(self, counts: Mapping[str, int]) -> None:
        """A topic that was just created is not at once known to every broker."""
        deadline = time.monotonic() + self._timeout_s
        waiting = set(counts)
        while waiting:
            try:
                topics = self.admin.list_topics(timeout=self._timeout_s).topics
            except KafkaException as error:
                raise self.unreachable(error) from error
            waiting -= {
                name
                for name in waiting
                if name in topics
                and len(topics[name].partitions) == counts[name]
                and all(partition.leader >= 0 for partition in topics[name].partitions.values())
            }
            if waiting:
                if time.monotonic() > deadline:
                    raise self.unreachable()
                time.sleep(0.02)
