"""Whether a topic is still the one that it was: made again under its name, it has another id (KIP-516)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from streams.kafka.client import BrokerUnreachable, TopicMissing
from streams.kafka.errors import kafka_error
from streams.kafka.rights import NOT_THERE, not_allowed

ASK_S = 5.0
"""For one answer."""

NO_IDS = frozenset({KafkaError._UNSUPPORTED_FEATURE, KafkaError.UNSUPPORTED_VERSION})
"""What a broker from before ids says."""


def topic_id(client_config: Mapping[str, Any], topic: str) -> str:
    """The topic's id; empty where the broker knows of none. Raises BrokerUnreachable, TopicMissing, NotAllowed."""
    with AdminClient({"log_level": 2, **client_config}) as admin:
        try:
            described = admin.describe_topics(TopicCollection([topic]), request_timeout=ASK_S)[topic].result(ASK_S)
        except (KafkaException, TimeoutError) as error:
            cause = kafka_error(error)
            if cause is not None and cause.code() in NO_IDS:
                return ""
            if cause is not None and cause.code() in NOT_THERE:
                raise TopicMissing(topic) from error
            servers, why = str(client_config.get("bootstrap.servers")), str(cause or "it did not answer")
            raise not_allowed(error, f"see the topic {topic!r}") or BrokerUnreachable(servers, ASK_S, why) from error
    return str(described.topic_id or "")


class TopicIdentity:
    """For who writes to a topic so rarely that it may be deleted and made again in between. For one thread."""

    def __init__(
        self, client_config: Mapping[str, Any], topic: str, every_s: float, clock: Callable[[], float]
    ) -> None:
        """Asks the broker each `every_s`."""
        self._admin = AdminClient({"log_level": 2, **client_config})
        self._topic, self._every_s, self._clock = topic, every_s, clock
        self._known: str | None = None
        self._answer: Future[Any] | None = None
        self._due_at = clock()

    def is_another(self) -> bool:
        """Whether the topic was found to be another one than before, told once. Never waits: it takes an answer that
        has come, and asks again when it is time."""
        if self._answer is not None and self._answer.done():
            answer, self._answer = self._answer, None
            try:
                found = str(answer.result(0).topic_id)
            except KafkaException:
                return False  # away, or deleted and not made again yet
            before, self._known = self._known, found
            return before not in (None, found)
        if self._answer is None and self._clock() >= self._due_at:
            self._due_at = self._clock() + self._every_s
            asked = self._admin.describe_topics(TopicCollection([self._topic]), request_timeout=ASK_S)
            self._answer = asked[self._topic]
        return False

    def close(self) -> None:
        """Ends the client; an answer that is still due is given up."""
        with self._admin:
            pass
