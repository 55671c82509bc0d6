"""Create Weir's topics and check those that are there. Topics that exist are never changed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType, TopicMetadata

from streams.kafka.client import PASSING, BrokerUnreachable
from streams.kafka.complaints import Complaint
from streams.kafka.errors import kafka_error
from streams.kafka.rights import REFUSED, not_allowed
from streams.kafka.topic_plan import Finding, TopicFound, TopicPlan, default_plan, find_problems, fit_to_events

__all__ = [
    "Created",
    "Finding",
    "TopicPlan",
    "TopicsNotCreated",
    "check_topics",
    "create_topics",
    "default_plan",
    "find_topics",
]

METADATA_S = 5.0
"""How long a broker may take to answer at all."""

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

    `events` comes first: what follows its partition numbers gets the count that it really has.
    Raises BrokerUnreachable, TopicsNotCreated.
    """
    cluster = _Cluster(client_config, timeout_s)
    names = [each.name for each in plan]
    cluster.create([each for each in plan if each.role == "events"])
    plans = fit_to_events(plan, cluster.topics(names))
    cluster.create(plans)
    if cluster.refused:
        raise TopicsNotCreated(cluster.refused)
    counts = {each.name: each.partitions for each in plans}
    counts |= {name: topic.partitions for name, topic in cluster.topics(names).items()}
    return [Created(name, counts[name], name in cluster.new) for name in names]


def check_topics(
    client_config: Mapping[str, Any], plan: Sequence[TopicPlan], *, timeout_s: float = 5.0
) -> list[Finding]:
    """What is wrong with the topics of the plan, in its order; empty when all is well. Raises BrokerUnreachable."""
    return find_problems(plan, *find_topics(client_config, [each.name for each in plan], timeout_s=timeout_s))


def find_topics(
    client_config: Mapping[str, Any], names: Sequence[str], *, timeout_s: float = 5.0
) -> tuple[dict[str, TopicFound], int]:
    """Those that exist, and the number of brokers. Raises BrokerUnreachable, NotAllowed."""
    cluster = _Cluster(client_config, timeout_s)
    return cluster.topics(names), cluster.brokers


def _new_topic(plan: TopicPlan) -> NewTopic:
    replication = BROKER_DEFAULT if plan.replication is None else plan.replication
    return NewTopic(plan.name, num_partitions=plan.partitions, replication_factor=replication, config=dict(plan.config))


class _Cluster:
    """One admin client, its deadline, what it saw of the cluster and what it changed."""

    def __init__(self, client_config: Mapping[str, Any], timeout_s: float) -> None:
        # log_level 2: errors are told once, by us, and not by librdkafka as well.
        self._complaint = Complaint(client_config)
        config: dict[str, Any] = {"log_level": 2, **client_config, "error_cb": self._complaint}
        self._admin = AdminClient(config)
        self._servers = str(client_config.get("bootstrap.servers"))
        self._timeout_s = timeout_s
        self.brokers = 0
        self.new: set[str] = set()
        self.refused: dict[str, str] = {}

    def topics(self, names: Sequence[str]) -> dict[str, TopicFound]:
        """The topics among `names` that exist, with their settings."""
        there = {name: topic for name, topic in self._metadata().items() if name in names}
        found: dict[str, TopicFound] = {}
        for name, config in self._configs(set(there)).items():
            partitions = there[name].partitions.values()
            replication = min((len(each.replicas) for each in partitions), default=0)
            found[name] = TopicFound(len(partitions), replication, config)
        return found

    def _configs(self, names: set[str]) -> dict[str, dict[str, str]]:
        """The settings of topics that exist: some brokers never answer for others. One that is deleted meanwhile is
        left out."""
        found: dict[str, dict[str, str]] = {}
        deadline = time.monotonic() + self._timeout_s
        while names and time.monotonic() < deadline:
            resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
            for resource, future in self._admin.describe_configs(resources, request_timeout=self._timeout_s).items():
                try:
                    entries = future.result(self._timeout_s)
                except (KafkaException, TimeoutError) as error:
                    cause = kafka_error(error)
                    if cause is not None and cause.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                        continue  # the broker that was asked does not know it yet, or no longer
                    what = f"see the topic {resource.name!r} and its settings"
                    raise not_allowed(error, what) or self._unreachable(error) from error
                found[resource.name] = {key: entry.value for key, entry in entries.items() if entry.value}
            names = (names - found.keys()) & self._metadata().keys()
            time.sleep(0.02 if names else 0)
        return found

    def create(self, plans: Sequence[TopicPlan]) -> None:
        """Create what is missing and wait for its leaders; notes what is new and what was refused."""
        there = self._metadata()
        missing = [each for each in plans if each.name not in there and each.name not in self.refused]
        futures = self._admin.create_topics([_new_topic(each) for each in missing]) if missing else {}
        for name, future in futures.items():
            try:
                future.result(self._timeout_s)
                self.new.add(name)
            except (KafkaException, TimeoutError) as error:
                cause = kafka_error(error)
                if cause is None or cause.code() in PASSING:
                    raise self._unreachable(error) from error
                if cause.code() != KafkaError.TOPIC_ALREADY_EXISTS:  # else another process was quicker
                    fix = "; fix: see docs/reference/rights.md" if cause.code() in REFUSED else ""
                    self.refused[name] = cause.str() + fix
        self._wait_for_leaders({each.name for each in missing} - self.refused.keys())

    def _wait_for_leaders(self, names: set[str]) -> None:
        """A topic that was just created is not at once known to every broker."""
        deadline = time.monotonic() + self._timeout_s
        while names:
            there = self._metadata()
            names = {name for name in names if name not in there or not _has_leaders(there[name])}
            if names and time.monotonic() > deadline:
                self.refused |= dict.fromkeys(
                    names, f"created, but without a leader that this user may see after {self._timeout_s:g} s"
                )
                return
            time.sleep(0.02 if names else 0)

    def _metadata(self) -> dict[str, TopicMetadata]:
        patience_s = min(self._timeout_s, METADATA_S)
        try:
            metadata = self._admin.list_topics(timeout=patience_s)
        except KafkaException as error:
            raise self._unreachable(error, patience_s) from error
        self.brokers = len(metadata.brokers)
        return metadata.topics

    def _unreachable(self, error: Exception, patience_s: float | None = None) -> BrokerUnreachable:
        self._admin.poll(0)
        cause = kafka_error(error)
        why = self._complaint.why or (cause.str() if cause else "it did not answer")
        return BrokerUnreachable(self._servers, patience_s or self._timeout_s, why)


def _has_leaders(topic: TopicMetadata) -> bool:
    return bool(topic.partitions) and all(each.leader >= 0 for each in topic.partitions.values())
