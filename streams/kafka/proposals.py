"""The `control` topic as a proposer sees it: the revisions that hold, a proposal, and the answers to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import msgspec

from streams.control_records import Answer, answer_key, decode_answer, decode_revision
from streams.kafka.client import BrokerUnreachable, ClientConfig
from streams.kafka.producing import DELIVERY_TIMEOUT_S, EventProducer
from streams.kafka.reading import TopicReader


class Proposals:
    """A context manager; raises BrokerUnreachable and TopicMissing on entry. For one thread."""

    def __init__(self, client_config: ClientConfig, topic: str) -> None:
        self._config, self._topic = client_config, topic
        self._reader = TopicReader(client_config, topic)
        self._accepted: dict[bytes, bytes] = {}

    def __enter__(self) -> Self:
        self._reader.__enter__()
        try:
            for record in self._reader.to_end():
                if record.key is not None:
                    self._accepted[record.key] = record.value or b""
        except BaseException as error:
            self._reader.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.__exit__(kind, error, trace)

    def revision(self, setting: str) -> int:
        """The one that holds as the topic was on entry; 0 if it was never set."""
        try:
            return decode_revision(self._accepted.get(setting.encode(), b""))
        except msgspec.MsgspecError:
            return 0

    def accepted(self, setting: str) -> bytes | None:
        """The accepted record that holds as the topic was on entry."""
        return self._accepted.get(setting.encode()) or None

    def propose(self, key: bytes, value: bytes) -> None:
        """Raises BrokerUnreachable where the broker does not take it."""
        with EventProducer(self._config, self._topic, linger_ms=0) as producer:
            producer.send([(key, value)])
            if producer.flush() or producer.failed:
                servers = str(self._config.get("bootstrap.servers"))
                raise BrokerUnreachable(servers, DELIVERY_TIMEOUT_S, producer.why_failed)

    def answers(self, proposal_id: str, deadline_s: float) -> Iterator[Answer]:
        """Those to one proposal as they come, until the deadline."""
        until = time.monotonic() + deadline_s
        for record in self._reader.follow(lambda: time.monotonic() >= until):
            if record.key == answer_key(proposal_id) and record.value is not None:
                yield decode_answer(record.value)
