"""A lane's place in its consumer group: what is assigned to it, and what becomes of it after a fatal error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError

from streams.kafka.errors import Fenced, is_fenced
from streams.kafka.identity import LaneIdentity
from streams.kafka.reader import Reader
from streams.kafka.rights import HINDERED

ASK_S = 2.0
"""Longest wait for one answer of the broker; asked again for as long as it takes, unless stopped."""


class Membership:
    """`generation` changes whenever what was read may be another worker's to answer. `must_restore`: there is an
    assignment whose states and positions are not in hand yet."""

    def __init__(
        self,
        identity: LaneIdentity,
        topic: str,
        make_reader: Callable[..., Reader],
        *,
        revoked: Callable[[], None],
        trouble: Callable[[KafkaError], None],
        superseded: Callable[[Any], bool],
    ) -> None:
        """`trouble` is told of every error that the consumer itself goes on from. `superseded`, given the group
        metadata, says whether another worker has fenced this one's producer."""
        self._identity, self._topic, self._make_reader = identity, topic, make_reader
        self._revoked, self._trouble, self._superseded = revoked, trouble, superseded
        self.assignment: list[int] | None = None
        self.generation = 0
        self.must_restore = False
        self.fatal: KafkaError | None = None
        self.reader: Reader

    def join(self) -> None:
        self.reader = self._make_reader(
            topic=self._topic,
            group=self._identity.group,
            instance=self._identity.instance,
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_error=self._on_error,
            on_trouble=self._trouble,
        )
        self.reader.subscribe()

    def leave(self) -> None:
        self.reader.close()

    def restore_again(self) -> None:
        """Positions are to be read back from the broker."""
        self.must_restore = self.assignment is not None

    def recover(self) -> None:
        """After a fatal error of the consumer, join anew. Raises Fenced if another worker holds the slot.

        A member that is fenced may have fenced itself: where the answer to a JoinGroup is lost with its broker, the
        group knows the member by an id that the consumer never learnt. Another worker would have fenced the producer
        before it joined.
        """
        if self.fatal is None:
            return
        if is_fenced(self.fatal) and self._superseded(self.reader.group_metadata()):
            raise Fenced(self._identity.slot, self._identity.group, self._identity.host)
        self.leave()
        self.fatal, self.assignment, self.must_restore = None, None, False
        self.join()

    def _on_assign(self, partitions: list[int]) -> None:
        self.assignment = partitions
        self.generation += 1
        self.must_restore = True

    def _on_revoke(self) -> None:
        self.assignment = None
        self.generation += 1
        self.must_restore = False
        self._revoked()

    def _on_error(self, error: KafkaError) -> None:
        if is_fenced(error) or error.fatal() or error.code() == KafkaError._FATAL:
            # Not raised here: this may be deep inside the wait for a decision, whose errors mean something else.
            self.fatal = error
            self.generation += 1
        elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            self.restore_again()  # deleted under us: look where to go on
        else:
            self._trouble(error)
            if error.code() in HINDERED:
                # Begin anew once it is mended: an end of partition that was told before is not told again.
                self.restore_again()
