"""Topics beside those of the pipeline, for what a replay answers: made by it, or empty, and nobody else's."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaException, TopicPartition

from streams.kafka.client import BrokerUnreachable, ClientConfig
from streams.kafka.deliveries import Deliveries
from streams.kafka.errors import CLIENT_ERRORS, kafka_error
from streams.kafka.patience import Patience
from streams.kafka.rights import not_allowed
from streams.kafka.topic_plan import TopicPlan
from streams.kafka.topics import create_topics
from streams.records import OutboxRecord

TIMEOUT_S = 10.0
DELIVERY_S = 60.0


class NotASideTopic(Exception):
    """A topic that a replay must not write to."""

    exit_code = 2

    def __init__(self, topic: str, why: str) -> None:
        self.topic, self.why = topic, why
        super().__init__(f"a replay does not write to {topic!r}: {why}; fix: name another prefix with --to-topic")


class NotDelivered(Exception):
    """The broker did not take a record of a replay."""

    def __init__(self, topic: str, why: str) -> None:
        self.topic = topic
        super().__init__(
            f"{topic!r} did not take what was replayed: {why}; what was written before stays there; fix: delete the "
            f"topic, and replay again"
        )


class SideTopics:
    """Takes the records of a replay that are for `plans`, and sees each delivered. A context manager.

    Topics are made on entry where they are missing. Raises NotASideTopic for one that holds records already, that is
    one of `production`, or whose prefix is that of another pipeline (`events_name` is there), before anything is made;
    BrokerUnreachable, TopicsNotCreated.
    """

    def __init__(
        self,
        client_config: ClientConfig,
        plans: Sequence[TopicPlan],
        production: Collection[str],
        events_name: str,
    ) -> None:
        self._config, self._plans = client_config, plans
        self._names = frozenset(plan.name for plan in plans)
        for name in sorted(self._names & set(production)):
            raise NotASideTopic(name, "the pipeline of these settings does")
        self._events_name = events_name
        self._deliveries: Deliveries | None = None

    def __enter__(self) -> Self:
        self._require_free()
        create_topics(self._config, self._plans)
        self._deliveries = Deliveries(self._config)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._deliveries is not None:
            self._deliveries.close()

    def take(self, outbox: Sequence[OutboxRecord]) -> None:
        """Returns when the broker has them. Raises NotDelivered, NotAllowed."""
        assert self._deliveries is not None
        records = [record for record in outbox if record.topic in self._names]
        patience = Patience(lambda: False, DELIVERY_S)
        try:
            self._deliveries.produce(records, patience)
            self._deliveries.confirm(patience)
        except (*CLIENT_ERRORS, BufferError) as error:
            topic = self._deliveries.failed_topic or ", ".join(sorted(self._names))
            cause = self._deliveries.failed or kafka_error(error)
            refused = not_allowed(error, f"write to the topic {topic!r}")
            raise refused or NotDelivered(topic, cause.str() if cause else "its queue stayed full") from error

    def _require_free(self) -> None:
        client = Client({"log_level": 2, **self._config, "group.id": "weir-replay", "enable.auto.commit": False})
        try:
            there = client.list_topics(timeout=TIMEOUT_S).topics
            if self._events_name in there:
                raise NotASideTopic(self._events_name, "that prefix is the one of a pipeline, which has this topic")
            for plan in self._plans:
                found = there.get(plan.name)
                if found is None:
                    continue
                if len(found.partitions) != plan.partitions:
                    why = f"it has {len(found.partitions)} partitions, and the events {plan.partitions}"
                    raise NotASideTopic(plan.name, why)
                for partition in found.partitions:
                    _, end = client.get_watermark_offsets(TopicPartition(plan.name, partition), TIMEOUT_S)
                    if end > 0:
                        raise NotASideTopic(plan.name, "it holds records already, or did")
        except KafkaException as error:
            cause = kafka_error(error)
            servers = str(self._config.get("bootstrap.servers"))
            raise BrokerUnreachable(servers, TIMEOUT_S, cause.str() if cause else "") from error
        finally:
            client.close()
