"""Sends dead letters in again: events and the marks that remember them, in one transaction (ADR 22)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka import KafkaError, KafkaException

from streams.dead_letters.letter import Place
from streams.dead_letters.redriven import PREFIX, STATE_PARTITION, Redriven
from streams.kafka.client import BrokerUnreachable, ClientConfig
from streams.kafka.errors import (
    EXIT_FENCED,
    ConnectionLost,
    FencedProducer,
    OutcomeUnknown,
    RecordRefused,
    TransactionAborted,
)
from streams.kafka.publisher import Publisher
from streams.kafka.reading import TopicReader
from streams.kafka.rights import REFUSED, hindrance_in, not_allowed
from streams.kafka.topic_identity import topic_id
from streams.records import OutboxRecord

PATIENCE_S = 30.0
"""For a broker that does not answer."""

TRIES = 3
"""Of one batch whose transaction does not commit."""


class RedriveSuperseded(Exception):
    """Another redrive began, or the broker gave a transaction up. What was sent of the batch at hand is marked."""

    exit_code = EXIT_FENCED

    def __init__(self, transactional_id: str) -> None:
        self.transactional_id = transactional_id
        super().__init__(
            f"another one sends dead letters in again as {transactional_id!r}, or the broker gave the transaction up; "
            f"what was sent so far is remembered; fix: let the other one end, then run this again"
        )


class Resend(NamedTuple):
    """A dead letter and the event that it becomes; None of a copy of one that was sent: it is marked like that."""

    letter: Place
    event: OutboxRecord | None


class Refused(NamedTuple):
    """A dead letter whose event the broker does not take."""

    letter: Place
    why: str


def read_marks(client_config: ClientConfig, state_topic: str, dead_letters_topic: str) -> Redriven:
    """What was sent in again. Waits for transactions that are open now, as a redrive that was killed may have left one.

    Raises BrokerUnreachable, TopicMissing, ReadTimeout, MarksUnreadable.
    """
    marks = Redriven(dead_letters_topic, topic_id(client_config, dead_letters_topic))
    with TopicReader(client_config, state_topic, partitions=[STATE_PARTITION], await_open=True) as reader:
        for record in reader.to_end(since_last=True):
            if record.key is not None and record.key.startswith(PREFIX):
                marks.load(record.key, record.value)
    return marks


class Redrive:
    """A context manager, one at a time: who begins ends the one before, by its transactional id. For one thread.

    `marks` tell what was sent in again, also by those before. Raises BrokerUnreachable, TopicMissing, NotAllowed and
    RedriveSuperseded, on entry and later.
    """

    def __init__(
        self,
        client_config: ClientConfig,
        *,
        state_topic: str,
        dead_letters_topic: str,
        reach: Callable[[str], None] = lambda _point: None,
    ) -> None:
        """`reach` is told the points of a transaction."""
        self._config, self._state_topic, self._dead_letters_topic = client_config, state_topic, dead_letters_topic
        # Of the topic, not of a group: groups may share one, and write the same marks.
        self._transactional_id = f"{dead_letters_topic}-redrive"
        self._why: KafkaError | None = None
        self._until = 0.0
        self._publisher = Publisher(
            client_config,
            self._transactional_id,
            reach=reach,
            stop=self._out_of_patience,
            waiting=self._note_waiting,
            renews=False,  # who takes the id back has to read the marks before anything else
        )

    def __enter__(self) -> Self:
        self._hold(self._publisher.open)
        try:
            self.marks = read_marks(self._config, self._state_topic, self._dead_letters_topic)
        except BaseException:
            self._publisher.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._publisher.close()

    def forget(self, lows: dict[int, int]) -> None:
        """Let go of marks of letters that are no more; `lows`: the first offset that each partition still has. To be
        called before anything is sent; what is not forgotten now is the next time."""
        tombstones = self.marks.forgetting(self._state_topic, lows)
        if not tombstones:
            return
        try:
            self._call(partial(self._publisher.publish, tombstones, {}, None))
        except ConnectionLost:
            # As if it began now. There is nothing to compare with: these marks have been let go of already.
            self._hold(self._publisher.renew)
            self.marks = read_marks(self._config, self._state_topic, self._dead_letters_topic)

    def send(self, batch: Sequence[Resend]) -> list[Refused]:
        """Send those that are not marked, in one transaction with their marks; a record that the broker refuses is
        found by halving. Raises TransactionAborted or OutcomeUnknown where that does not work out: then, too, what is
        marked was sent and nothing else."""
        failure: TransactionAborted | OutcomeUnknown = OutcomeUnknown("connections are lost before anything is sent")
        for _ in range(TRIES):
            left = [each for each in batch if each.letter not in self.marks]
            if not left:
                return []
            segments = self.marks.marking(each.letter for each in left)
            events = [each.event for each in left if each.event is not None]
            outbox = [*events, *self.marks.records(self._state_topic, segments)]
            try:
                self._call(partial(self._publisher.publish, outbox, {}, None))
            except ConnectionLost:
                # Nothing of ours is open, so the marks can be read before the id is taken back from who has it now.
                self._look({})
                self._take_back({})
            except RecordRefused as refusal:
                self._take_back({})
                if len(left) == 1:
                    return [Refused(left[0].letter, refusal.why)]
                middle = len(left) // 2
                return [*self.send(left[:middle]), *self.send(left[middle:])]
            except (TransactionAborted, OutcomeUnknown) as error:
                failure, refused = error, hindrance_in(error)
                if refused is not None and refused.code() in REFUSED:
                    raise self._refusal(KafkaException(refused)) or error from error
                # Sent or not: the new producer's epoch ends what is still under way, and the marks tell.
                self._take_back(segments)
            else:
                self.marks.keep(segments)
                return []
        raise failure

    def _take_back(self, tried: Mapping[tuple[int, int], bytes]) -> None:
        """A new producer, and what was sent by now, also by the transaction that `tried` to mark these."""
        self._hold(self._publisher.renew)
        self._look(tried)

    def _look(self, tried: Mapping[tuple[int, int], bytes]) -> None:
        """Read the marks anew. Raises RedriveSuperseded where there are some that this one did not write."""
        found = read_marks(self._config, self._state_topic, self._dead_letters_topic)
        if found.go_beyond(self.marks, tried):
            raise RedriveSuperseded(self._transactional_id)
        self.marks = found

    def _call(self, call: Callable[[], None]) -> None:
        self._why, self._until = None, time.monotonic() + PATIENCE_S
        try:
            call()
        except FencedProducer as error:
            raise RedriveSuperseded(self._transactional_id) from error
        except KafkaException as error:
            raise self._refusal(error) or error from error

    def _hold(self, call: Callable[[], None]) -> None:
        """Take the transactional id, by `open` or `renew`, which return without it when patience is over."""
        self._call(call)
        if self._why is not None and self._out_of_patience():
            raise BrokerUnreachable(str(self._config.get("bootstrap.servers")), PATIENCE_S, self._why.str())

    def _out_of_patience(self) -> bool:
        return time.monotonic() >= self._until

    def _note_waiting(self, error: KafkaError) -> None:
        self._why = error
        refused = self._refusal(KafkaException(error))
        if refused is not None:
            raise refused

    def _refusal(self, error: KafkaException) -> Exception | None:
        return not_allowed(error, f"send dead letters in again as {self._transactional_id!r}")
