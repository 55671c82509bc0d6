"""What can go wrong between a lane and its broker.

    LaneError
    ├── Fenced              another worker holds this slot: exit 70
    ├── TransactionAborted  nothing was published: seek back and redo
    └── OutcomeUnknown      published or not: new producer, read the committed offsets, redo what is missing

librdkafka's own errors are translated at this edge (`raise … from error`); the rest of Weir never sees them.
"""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

EXIT_FENCED = 70

FENCED_CODES = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.PRODUCER_FENCED,
    }
)


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


class TransactionAborted(LaneError):
    """The transaction was given up before its commit was asked for."""


class OutcomeUnknown(LaneError):
    """The broker did not say whether the transaction was committed."""


CLIENT_ERRORS = (KafkaException, SystemError)
"""confluent-kafka raises a fatal error out of whatever call serves callbacks; when it then calls a delivery callback
with that error set, Python reports a SystemError whose cause is the fatal error."""


def kafka_error(exception: BaseException | None) -> KafkaError | None:
    """The librdkafka error inside an exception of its client, if there is one."""
    if isinstance(exception, KafkaException) and exception.args and isinstance(exception.args[0], KafkaError):
        return exception.args[0]
    return kafka_error(exception.__cause__) if isinstance(exception, SystemError) else None


def is_fenced(error: KafkaError | None) -> bool:
    """Whether another client took over this transactional id or static member.

    A consumer reports its fatal error as _FATAL and keeps the cause in the text only.
    """
    if error is None:
        return False
    return error.code() in FENCED_CODES or (error.code() == KafkaError._FATAL and "fenced" in error.str())
