"""Before a worker starts: the topics it needs are there, and their partitions fit together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient


class TopicsMismatch(Exception):
    """Topics that must have as many partitions as `events` do not."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self.counts = dict(counts)
        listed = ", ".join(f"{name}: {count}" for name, count in counts.items())
        super().__init__(
            f"predictions and dead letters keep the partition number of their event, so these topics need equal "
            f"partition counts ({listed}); fix: `weir topics check` says which, `weir topics create` makes missing ones"
        )


def wait_for_topics(
    client_config: Mapping[str, Any], names: Iterable[str], *, stop: Callable[[], bool], say: Callable[[str], None]
) -> dict[str, int] | None:
    """Partition counts of the topics, once all of them exist; None when stopped before. Says what it waits for."""
    wanted = list(names)
    client = AdminClient({**client_config, "socket.connection.setup.timeout.ms": 3000})
    said = ""
    while not stop():
        try:
            metadata = client.list_topics(timeout=2.0).topics
        except KafkaException as error:
            waiting = f"the broker at {client_config.get('bootstrap.servers')} does not answer ({error.args[0].str()})"
        else:
            missing = [name for name in wanted if name not in metadata or metadata[name].error is not None]
            if not missing:
                return {name: len(metadata[name].partitions) for name in wanted}
            waiting = f"missing topics: {', '.join(missing)}; fix: `weir topics create`"
        if waiting != said:
            say(f"waiting: {waiting}")
            said = waiting
        time.sleep(0.2)
    return None


def require_equal_partitions(counts: Mapping[str, int], names: Iterable[str]) -> None:
    """Raises TopicsMismatch unless all of `names` have the same number of partitions."""
    own = {name: counts[name] for name in names}
    if len(set(own.values())) > 1:
        raise TopicsMismatch(own)
