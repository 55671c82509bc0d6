"""Topics of one test's own on a broker that it shares with the other tests of the run."""

from __future__ import annotations

import uuid

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from tests.waiting import until


class Topics:
    """Names under a random prefix, and a way to create them."""

    def __init__(self, bootstrap_servers: str, replication: int = 1, delivery: str = "exactly_once") -> None:
        """`delivery` is how the lanes of the test are to publish."""
        self.bootstrap_servers, self.delivery = bootstrap_servers, delivery
        self.prefix = f"t{uuid.uuid4().hex[:8]}."
        self._replication = replication
        self._created: list[str] = []
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 2})

    def name(self, topic: str) -> str:
        """The full name of a topic of this test, whether it exists or not."""
        return self.prefix + topic

    def create(self, topic: str, partitions: int = 1, config: dict[str, str] | None = None) -> str:
        """Create a topic and wait until every partition has a leader that knows of it; gives the full name."""
        full = self.name(topic)
        new = NewTopic(full, num_partitions=partitions, replication_factor=self._replication, config=config or {})
        self._admin.create_topics([new])[full].result(30)
        self._created.append(full)
        until(lambda: self._has_leaders(full, partitions), f"topic {full} has leaders", 30, every_s=0.02)
        return full

    def committed_end(self, full: str, partition: int) -> int:
        """The offset up to which every transaction has its marker (the last stable offset)."""
        asked = TopicPartition(full, partition)
        found = self._admin.list_offsets({asked: OffsetSpec.latest()}, isolation_level=IsolationLevel.READ_COMMITTED)
        return int(found[asked].result(30).offset)

    def _has_leaders(self, full: str, partitions: int) -> bool:
        found = self._admin.list_topics(full, timeout=10).topics[full]
        if len(found.partitions) != partitions or any(each.leader < 0 for each in found.partitions.values()):
            return False
        asked = {TopicPartition(full, partition): OffsetSpec.latest() for partition in found.partitions}
        try:
            for answer in self._admin.list_offsets(asked).values():
                answer.result(30)
        except KafkaException:
            return False  # the metadata can be ahead of the leader itself
        return True

    def close(self) -> None:
        """Ask the broker to delete what was created, so that a long run does not fill the disk."""
        if self._created:
            for future in self._admin.delete_topics(self._created, operation_timeout=30).values():
                future.exception(30)  # a test may have deleted it, or have stopped the broker
