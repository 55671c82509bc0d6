"""What can go wrong between a lane and its broker.

    LaneError
    ├── Fenced              another worker holds this slot: exit 70
    ├── ClientHangs         librdkafka does not return, again and again: only a new process helps
    ├── FencedProducer      a newer producer holds the transactional id, or the broker gave the transaction up
    ├── TransactionAborted  nothing was published: seek back and redo
    │   └── RecordRefused   the broker does not take one of the records, however often it is asked
    ├── OutcomeUnknown      published or not: new producer, read the committed offsets, redo what is missing
    └── ConnectionLost      nothing was begun: the producer has lost a connection, and must be renewed first

librdkafka's own errors are translated at this edge (`raise … from error`); the rest of Weir never sees them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException

from streams.decider import AnswerRefused

EXIT_FENCED = 70

AnyError = TypeVar("AnyError", bound=BaseException)
Result = TypeVar("Result")

FENCED_CODES = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.PRODUCER_FENCED,
    }
)

DROPPED = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})
"""What is said of a record that went down with another one."""

REFUSALS = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
    }
)
"""What a broker says to a record that it will not take."""


class LaneError(Exception):
    """A lane could not finish its unit of work."""


class Fenced(LaneError):
    """Another worker took this slot over; this one must not go on."""

    def __init__(self, slot: str, group: str, host: str) -> None:
        self.slot, self.group, self.host = slot, group, host
        super().__init__(
            f"slot {slot!r} of group {group!r} was taken over by another worker while this one ran on {host}; "
            f"likely cause: two workers with the same worker.slot; fix: give each worker a slot of its own"
        )


class ClientHangs(LaneError):
    """Calls of librdkafka did not return, and too many of them are waited for already."""

    def __init__(self, calls: int) -> None:
        self.calls = calls
        super().__init__(
            f"{calls} calls of the Kafka client did not return; likely cause: brokers that come and go "
            f"(librdkafka#5456); fix: none needed, the worker starts anew and goes on where it was"
        )


class FencedProducer(LaneError):
    """A newer producer holds this transactional id, or the broker gave the transaction up. The lane finds out which."""


class TransactionAborted(LaneError):
    """The transaction was given up before its commit was asked for."""


class RecordRefused(TransactionAborted, AnswerRefused):
    """The broker does not take a record meant for `topic`, for what the record is."""

    def __init__(self, topic: str, why: str) -> None:
        self.topic, self.why = topic, why
        super().__init__(
            f"the broker refuses a record for {topic!r}: {why}; likely cause: max.message.bytes of the topic or "
            f"message.max.bytes of the broker is below what Weir may publish; fix: raise it"
        )


class OutcomeUnknown(LaneError):
    """The broker did not say whether the transaction was committed."""


class ConnectionLost(LaneError):
    """A request may still be on its way that would be taken for one of the next transaction. None was begun."""


CLIENT_ERRORS = (KafkaException, SystemError)
"""confluent-kafka raises a fatal error out of whatever call serves callbacks; when it then calls a delivery callback
with that error set, Python reports a SystemError whose cause is the fatal error."""


def kafka_error(exception: BaseException | None) -> KafkaError | None:
    """The librdkafka error inside an exception of its client, if there is one."""
    if isinstance(exception, KafkaException) and exception.args and isinstance(exception.args[0], KafkaError):
        return exception.args[0]
    return kafka_error(exception.__cause__) if isinstance(exception, SystemError) else None


def called(function: Callable[[], Result]) -> Result:
    """What a call of the client returns. Raises what it raises; a KafkaError as a KafkaException.

    confluent-kafka 2.16 was seen to raise a fatal KafkaError as it is, which is no exception: only a bare `except`
    catches it.
    """
    try:
        return function()
    except BaseException:
        raise
    except:  # noqa: E722  # see above
        bare = sys.exc_info()[1]
    # Out here, since Python cannot chain an exception to what is none.
    raise KafkaException(bare)


def without_frames(error: AnyError) -> AnyError:
    """The error, and those that it came from, without the frames that they passed.

    The frames hold the client. Where confluent-kafka raises while an error is handled, it never lets go of that one
    (2.16.1: a reference is lost with the context), and the client with its threads and connections would stay for good.
    So what calls the client after a failure does it outside `except`, with the error stripped.
    """
    chain: list[BaseException | None] = [error]
    while chain:
        link = chain.pop()
        if link is not None and link.__traceback__ is not None:
            link.__traceback__ = None
            chain += [link.__cause__, link.__context__]
    return error


def is_fenced(error: KafkaError | None) -> bool:
    """Whether another client took over this transactional id or static member.

    A consumer reports its fatal error as _FATAL and keeps the cause in the text only.
    """
    if error is None:
        return False
    return error.code() in FENCED_CODES or (error.code() == KafkaError._FATAL and "fenced" in error.str())


def is_refusal(error: KafkaError | None) -> bool:
    """Whether the record is to blame, so that a further try would end the same way."""
    return error is not None and error.code() in REFUSALS
