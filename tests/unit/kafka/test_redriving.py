"""What a redrive makes of a transaction whose end it does not know, of a record that the broker refuses, and of another
redrive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.dead_letters.letter import Place
from streams.dead_letters.redriven import SEGMENT, Redriven
from streams.kafka import publisher, redriving
from streams.kafka.errors import FencedProducer, OutcomeUnknown, RecordRefused, TransactionAborted
from streams.kafka.redriving import Redrive, RedriveSuperseded, Resend
from streams.kafka.rights import NotAllowed
from streams.records import OutboxRecord


class Broker:
    """What was committed, and what becomes of the next transactions, one after the other; then all commit."""

    def __init__(self, *steps: tuple[bool, Exception | None], refuses: bytes = b"") -> None:
        self._steps, self._refuses = list(steps), refuses
        self.committed: list[OutboxRecord] = []
        self.renewed = 0

    def publisher(self, *_: Any, **__: Any) -> Broker:
        return self

    def open(self) -> None: ...

    def close(self) -> None: ...

    def renew(self) -> None:
        self.renewed += 1

    def publish(self, outbox: Sequence[OutboxRecord], _offsets: object, _group: object) -> None:
        if self._refuses and any(record.value == self._refuses for record in outbox):
            raise RecordRefused("events", "too large")
        commits, error = self._steps.pop(0) if self._steps else (True, None)
        if commits:
            self.committed += outbox
        if error is not None:
            raise error

    def marks(self, *_: object) -> Redriven:
        found = Redriven("dead-letters", "")
        for record in self.committed:
            found.load(record.key or b"", record.value)
        return found

    def events(self) -> Counter[bytes | None]:
        return Counter(record.value for record in self.committed if record.topic == "events")


def resends(count: int) -> list[Resend]:
    return [
        Resend(Place("dead-letters", 0, number), OutboxRecord("events", b"k", b"e%d" % number, 0))
        for number in range(count)
    ]


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Callable[[Broker], Redrive]:
    def begun(broker: Broker) -> Redrive:
        monkeypatch.setattr(redriving, "Publisher", broker.publisher)
        monkeypatch.setattr(redriving, "read_marks", broker.marks)
        return Redrive({}, state_topic="state", dead_letters_topic="dead-letters")

    return begun


@pytest.mark.parametrize("committed", [True, False])
def test_what_may_have_been_sent_is_looked_up_before_it_is_sent_again(
    committed: bool, begin: Callable[[Broker], Redrive]
) -> None:
    broker = Broker((committed, OutcomeUnknown("no answer")))
    with begin(broker) as redrive:
        assert redrive.send(resends(3)) == []
        assert redrive.send(resends(3)) == []
    assert broker.renewed == 1
    assert broker.events() == Counter({b"e0": 1, b"e1": 1, b"e2": 1})


def test_a_record_that_is_refused_is_found_and_the_others_are_sent(begin: Callable[[Broker], Redrive]) -> None:
    broker = Broker(refuses=b"e3")
    with begin(broker) as redrive:
        refused = redrive.send(resends(7))
        assert [(each.letter.offset, each.why) for each in refused] == [(3, "too large")]
        assert refused[0].letter not in redrive.marks
    assert broker.events() == Counter(b"e%d" % number for number in range(7) if number != 3)


def test_a_copy_is_marked_and_not_sent(begin: Callable[[Broker], Redrive]) -> None:
    broker, copy = Broker(), Place("dead-letters", 0, 9)
    with begin(broker) as redrive:
        assert redrive.send([*resends(1), Resend(copy, None)]) == []
        assert copy in redrive.marks
    assert broker.events() == Counter([b"e0"])


def test_a_broker_that_never_commits_ends_it(begin: Callable[[Broker], Redrive]) -> None:
    broker = Broker(*[(False, TransactionAborted("no"))] * 3)
    with begin(broker) as redrive, pytest.raises(TransactionAborted):
        redrive.send(resends(1))
    assert broker.events() == Counter()


def refused_right() -> TransactionAborted:
    error = TransactionAborted("no")
    error.__cause__ = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    return error


@pytest.mark.parametrize(
    ("error", "raised"), [(FencedProducer("newer"), RedriveSuperseded), (refused_right(), NotAllowed)]
)
def test_another_one_and_a_missing_right_end_it_at_once(
    error: Exception, raised: type[Exception], begin: Callable[[Broker], Redrive]
) -> None:
    broker = Broker((False, error))
    with begin(broker) as redrive, pytest.raises(raised):
        redrive.send(resends(1))
    assert broker.events() == Counter()


class Epochs:
    """A broker that knows who holds the transactional id, and what was committed."""

    def __init__(self) -> None:
        self.epoch = 0
        self.committed: list[OutboxRecord] = []
        self.refuses: bytes | None = None
        self.loses_commit = False

    def deliveries(self, *_: Any, **__: Any) -> FakeDeliveries:
        return FakeDeliveries(self)

    def marks(self, *_: object) -> Redriven:
        found = Redriven("dead-letters", "")
        for record in self.committed:
            found.load(record.key or b"", record.value)
        return found

    def events(self) -> Counter[bytes | None]:
        return Counter(record.value for record in self.committed if record.topic == "events")


class FakeDeliveries:
    """A producer as far as Publisher uses one, and its deliveries."""

    def __init__(self, broker: Epochs) -> None:
        self.broker, self.producer = broker, self
        self.disturbed = False
        self.failed: KafkaError | None = None
        self.failed_topic: str | None = None
        self.epoch, self.staged = 0, list[OutboxRecord]()

    def init_transactions(self, _timeout_s: float) -> None:
        self.broker.epoch += 1
        self.epoch = self.broker.epoch

    def begin_transaction(self) -> None: ...

    def produce(self, outbox: Sequence[OutboxRecord], _patience: object) -> None:
        self.staged = list(outbox)

    def confirm(self, _patience: object) -> None:
        self._require_epoch()
        if self.broker.refuses and self.broker.refuses in [record.value for record in self.staged]:
            self.failed, self.failed_topic = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), "events"
            raise KafkaException(self.failed)

    def commit_transaction(self, _timeout_s: float) -> None:
        self._require_epoch()
        if self.broker.loses_commit:
            self.broker.loses_commit = False
            raise KafkaException(KafkaError(KafkaError._FATAL))
        self.broker.committed += self.staged

    def abort_transaction(self, _timeout_s: float) -> None: ...

    def serve(self) -> None: ...

    def close(self) -> None: ...

    def _require_epoch(self) -> None:
        if self.epoch != self.broker.epoch:
            raise KafkaException(KafkaError(KafkaError._FENCED, "fenced", fatal=True))


@pytest.fixture
def epochs(monkeypatch: pytest.MonkeyPatch) -> Epochs:
    broker = Epochs()
    monkeypatch.setattr(publisher, "Deliveries", broker.deliveries)
    monkeypatch.setattr(redriving, "read_marks", broker.marks)
    return broker


def redrive() -> Redrive:
    return Redrive({}, state_topic="state", dead_letters_topic="dead-letters")


def lose_connection(redriving: Redrive) -> None:
    deliveries = redriving._publisher._deliveries
    assert deliveries is not None
    deliveries.disturbed = True


def test_a_lost_connection_takes_nothing_back_from_who_began_meanwhile(epochs: Epochs) -> None:
    letters = resends(4)
    with redrive() as first:
        first.send(letters[:1])
        lose_connection(first)
        with redrive() as second:
            second.send(letters[1:3])
            with pytest.raises(RedriveSuperseded):
                first.send(letters[1:3])
            second.send(letters[3:])
    assert epochs.events() == Counter([b"e0", b"e1", b"e2", b"e3"])


def test_a_lost_connection_alone_ends_nothing(epochs: Epochs) -> None:
    with redrive() as alone:
        for letter in resends(4):
            alone.send([letter])
            lose_connection(alone)
    assert epochs.events() == Counter([b"e0", b"e1", b"e2", b"e3"])


def test_a_connection_that_is_lost_before_marks_are_forgotten_ends_nothing(epochs: Epochs) -> None:
    gone, left = resends(1), [resends(2)[1]._replace(letter=Place("dead-letters", 0, SEGMENT))]
    with redrive() as first:
        first.send(gone)
    with redrive() as second:
        lose_connection(second)
        second.forget({0: SEGMENT})
        second.send(left)
    with redrive() as third:
        third.forget({0: SEGMENT})
        lose_connection(third)
        assert (gone[0].letter in third.marks, left[0].letter in third.marks) == (False, True)
        third.send(left)
    assert epochs.events() == Counter([b"e0", b"e1"])


@pytest.mark.parametrize("trouble", ["refused", "unknown"])
def test_who_needs_a_new_producer_looks_what_another_one_sent(epochs: Epochs, trouble: str) -> None:
    """The other one begins and sends in the middle of the trouble, between the abort and the new producer."""
    letters = resends(3)
    with redrive() as first:
        renew = first._publisher.renew

        def renew_late() -> None:
            epochs.refuses = None
            with redrive() as second:
                second.send(letters[:1])
            renew()

        first._publisher.renew = renew_late  # type: ignore[method-assign]
        epochs.refuses, epochs.loses_commit = (b"e2", False) if trouble == "refused" else (None, True)
        if trouble == "unknown":
            # What it tried itself may be what was sent: it goes on with the rest.
            first.send(letters)
        else:
            with pytest.raises(RedriveSuperseded):
                first.send(letters)
            with redrive() as third:
                third.send(letters)
    assert epochs.events() == Counter([b"e0", b"e1", b"e2"])


def test_redrives_of_one_topic_of_dead_letters_share_an_id_whatever_their_group() -> None:
    assert str(RedriveSuperseded(redrive()._transactional_id)).count("dead-letters-redrive") == 1
