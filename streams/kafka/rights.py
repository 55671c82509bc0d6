"""Which topics and rights a lane needs on the broker, and which of them are not there.

A broker that refuses says little: "Topic authorization failed", without the topic. So after a refusal, and before the
first transaction, the broker is asked what there is and what this user may do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation, AdminClient

from streams.kafka.client import LOCAL_TIMEOUTS
from streams.kafka.coordinators import describing_groups
from streams.kafka.errors import DROPPED, kafka_error

Operation: TypeAlias = Literal["Read", "Write", "Describe"]
Kind: TypeAlias = Literal["topic", "group", "transactional-id", "cluster"]

ASK_S = 1.5
"""For one answer. A stop must not wait for it for long."""

REFUSED: dict[int, Kind] = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "topic",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "group",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "transactional-id",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "cluster",
}
"""What the broker's refusals are about."""

NOT_THERE = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_TOPIC_ID,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
    }
)
TIMEOUTS = LOCAL_TIMEOUTS | {KafkaError._MSG_TIMED_OUT, KafkaError.REQUEST_TIMED_OUT}
"""A producer also waits like that for a topic that it does not know."""

"""What becomes of records whose transaction was refused before they were sent: no word of the refusal."""

HINDERED = frozenset(REFUSED) | NOT_THERE | DROPPED
"""Errors that come, or may come, of something that is missing."""


class Hindrance(NamedTuple):
    """What a lane waits for, and why, with a fix; `absent` are topics that do not exist."""

    what: str
    why: str
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Right:
    """An operation on a resource, in the words of Kafka's own tools."""

    operation: Operation
    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.operation} on {self.kind.replace('-', ' ')} {self.name!r}"

    def command(self, client_config: Mapping[str, Any]) -> str:
        """What gives it to the user of these properties."""
        who = principal_of(client_config)
        return f"kafka-acls.sh --add --allow-principal '{who}' --operation {self.operation} --{self.kind} {self.name}"


class NotAllowed(Exception):
    """The broker answers, and does not let this user do what a command needs."""

    def __init__(self, what: str, why: str) -> None:
        self.what, self.why = what, why
        super().__init__(
            f"this user may not {what}: the broker says {why!r}; "
            f"fix: give it the rights in docs/reference/rights.md, or use another one"
        )


class Rights:
    """What a lane needs: `topics` maps names to operations; Read on the group, Write on the transactional id."""

    def __init__(
        self,
        client_config: Mapping[str, Any],
        topics: Mapping[str, tuple[Operation, ...]],
        group: str,
        transactional_id: str,
    ) -> None:
        self._config, self._topics = client_config, topics
        self._group = Right("Read", "group", group)
        self._transaction = Right("Write", "transactional-id", transactional_id)

    def missing(self) -> list[Right]:
        """The rights that this user does not have, as far as the broker tells; none of topics that do not exist."""
        return self._ask()[0]

    def explain(self, error: KafkaError | None) -> Hindrance | None:
        """The topics or rights that are missing, if that is what the error comes from. Asks the broker."""
        if error is None or error.code() not in HINDERED | TIMEOUTS:
            return None
        lacking, absent = self._ask()
        kind = REFUSED.get(error.code())
        if kind == "transactional-id":
            lacking.append(self._transaction)
        if kind == "group" and self._group not in lacking:
            lacking.append(self._group)
        if lacking:
            return Hindrance("waiting for a right", told(lacking, self._config))
        if absent:
            why = f"missing topics: {', '.join(absent)}; fix: `weir topics create`"
            return Hindrance("waiting for a topic", why, tuple(absent))
        if kind is None:
            return None
        why = f"the broker refuses what this user asks of a {kind} ({error.name()}); fix: compare its ACLs"
        return Hindrance("waiting for a right", why)

    def _ask(self) -> tuple[list[Right], list[str]]:
        """Rights that are missing, and topics that do not exist."""
        lacking: list[Right] = []
        absent: list[str] = []
        silent = bool(self._topics)
        with AdminClient({"log_level": 2, **self._config}) as admin:
            topics = admin.describe_topics(
                TopicCollection([*self._topics]), include_authorized_operations=True, request_timeout=ASK_S
            )
            for name, future in topics.items():
                allowed, code = _allowed(future)
                silent = silent and code in TIMEOUTS
                if code in NOT_THERE:
                    absent.append(name)
                elif allowed is not None:
                    operations = self._topics[name]
                    lacking += [Right(o, "topic", name) for o in operations if AclOperation[o.upper()] not in allowed]
        if silent:
            return lacking, absent  # nobody is there to ask for more
        with describing_groups(self._config, [self._group.name], authorized_operations=True) as groups:
            allowed, _ = _allowed(groups[self._group.name])
        if allowed is not None and AclOperation.READ not in allowed:
            lacking.append(self._group)
        return lacking, absent


def not_allowed(error: BaseException, what: str) -> NotAllowed | None:
    """For a refusal by the broker, the exception that says so."""
    cause = kafka_error(error)
    return NotAllowed(what, cause.str()) if cause is not None and cause.code() in REFUSED else None


def principal_of(client_config: Mapping[str, Any]) -> str:
    """As far as it is known here: a broker makes it of a certificate by rules of its own."""
    return f"User:{client_config.get('sasl.username', '<principal of this worker>')}"


def told(lacking: Iterable[Right], client_config: Mapping[str, Any]) -> str:
    """The rights that are missing, and the command that gives them."""
    rights = list(lacking)
    commands = "; ".join(right.command(client_config) for right in rights)
    return f"missing: {', '.join(map(str, rights))}; likely cause: no ACL of the broker allows it; fix: {commands}"


def hindrance_in(error: BaseException) -> KafkaError | None:
    """Among an exception and those that it came from, the broker's refusal, or what may come of something missing."""
    seen: BaseException | None = error
    found: KafkaError | None = None
    while seen is not None:
        cause = kafka_error(seen)
        if cause is not None and cause.code() in HINDERED:
            return cause
        if cause is not None and cause.code() in TIMEOUTS:
            found = cause
        seen = seen.__cause__ or seen.__context__
    return found


def _allowed(future: Future[Any]) -> tuple[set[AclOperation] | None, int | None]:
    """What this user may do, None where the broker does not tell; and the code of the error that came instead."""
    try:
        return set(future.result(ASK_S).authorized_operations or ()) or None, None
    except NotYet:
        return None, KafkaError._TIMED_OUT
    except KafkaException as error:
        cause = kafka_error(error)
        code = None if cause is None else cause.code()
        return (set() if code in REFUSED else None), code
