"""What a redrive makes of a transaction whose end it does not know, and of a record that the broker refuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.dead_letters.letter import Place
from streams.dead_letters.redriven import Redriven
from streams.kafka import redriving
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
        return Redrive({}, state_topic="state", dead_letters_topic="dead-letters", transactional_id="weir-redrive")

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
