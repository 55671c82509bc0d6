"""Delete topics and consumer groups by their exact names, so that a trial leaves nothing on somebody's cluster."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from streams.kafka.client import ClientConfig
from streams.kafka.coordinators import deleting_groups

GONE = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.GROUP_ID_NOT_FOUND})
RETRY_S = 0.5


def remove_topics(client_config: ClientConfig, names: Sequence[str], timeout_s: float = 30.0) -> dict[str, str]:
    """Delete topics; gives those that could not be deleted, with the reason. One that is gone already is no failure."""
    admin = AdminClient({"log_level": 2, **client_config})
    deadline = time.monotonic() + timeout_s
    return _failures(admin.delete_topics(list(names), operation_timeout=timeout_s), deadline)


def remove_groups(client_config: ClientConfig, names: Sequence[str], timeout_s: float = 30.0) -> dict[str, str]:
    """Delete consumer groups, as `remove_topics`. Waits for a group with static members: they stay in it for a session
    time-out after they have ended."""
    deadline = time.monotonic() + timeout_s
    left = list(names)
    while True:
        with deleting_groups(client_config, left) as asked:
            kept = _failures(asked, deadline)
        left = list(kept)
        if not left or time.monotonic() >= deadline:
            return kept
        time.sleep(RETRY_S)


def _failures(asked: Mapping[str, Future[None]], deadline: float) -> dict[str, str]:
    kept = {}
    for name, future in asked.items():
        try:
            future.result(max(0.0, deadline - time.monotonic()))
        except KafkaException as error:
            cause: KafkaError = error.args[0]
            if cause.code() not in GONE:
                kept[name] = cause.str()
        except TimeoutError:
            kept[name] = "the broker does not answer"
    return kept
