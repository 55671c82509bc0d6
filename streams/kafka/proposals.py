"""The `control` topic as a proposer sees it: the revisions that hold, a proposal, and the answers to it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from streams.control_records import (
    Answer,
    Command,
    Proposal,
    answer_key,
    decode_answer,
    decode_revision,
    encode_proposal,
    proposal_key,
    setting_of,
)
from streams.kafka.client import BrokerUnreachable, ClientConfig
from streams.kafka.producing import DELIVERY_TIMEOUT_S, EventProducer
from streams.kafka.reading import TopicReader
from streams.serving_commands import ServingCommand


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

    def answers(self, proposal_id: str, deadline_s: float, stop: threading.Event | None = None) -> Iterator[Answer]:
        """Those to one proposal as they come, until the deadline, or until `stop`."""
        until = time.monotonic() + deadline_s
        for record in self._reader.follow(lambda: time.monotonic() >= until or (stop is not None and stop.is_set())):
            if record.key == answer_key(proposal_id) and record.value is not None:
                yield decode_answer(record.value)


class Proposed(NamedTuple):
    """What became of a proposal: the last answer, None where nobody answered, and the revision if it was accepted."""

    setting: str
    id: str
    last: Answer | None
    revision: int | None


def propose(
    client_config: ClientConfig,
    topic: str,
    model: str,
    command: Command,
    patience_s: float,
    *,
    expected_revision: int | None = None,
    stop: threading.Event | None = None,
) -> Proposed:
    """Publish a command, and wait for the controller and for who obeys it, until `stop`. It is refused unless
    `expected_revision` holds, what its author saw; without one, unless what holds now still does then.

    Raises BrokerUnreachable, TopicMissing.
    """
    setting, proposal_id = setting_of(model, command), secrets.token_hex(8)
    accepted = last = None
    with Proposals(client_config, topic) as control:
        expected = control.revision(setting) if expected_revision is None else expected_revision
        value = encode_proposal(Proposal(model, expected), command)
        control.propose(proposal_key(setting, proposal_id), value)
        for answer in control.answers(proposal_id, patience_s, stop):
            last = answer
            if answer.outcome == "accepted":
                accepted = answer
            if answer.outcome != "accepted" or is_obeyed_later(command):
                break
    return Proposed(setting, proposal_id, last, accepted.revision if accepted else None)


def is_obeyed_later(command: Command) -> bool:
    """Each worker obeys on its own, between two batches; no one can answer for all."""
    return isinstance(command, ServingCommand)
