"""The decision of the control role: which proposals hold, one after the other, and who is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from drift.command import signals_of
from drift.observation import Observation
from streams.control_records import (
    ANSWER,
    MAX_ID,
    PROPOSAL,
    Answer,
    Proposed,
    answer_key,
    decode_proposal,
    decode_revision,
    encode_accepted,
)
from streams.decider import PartitionState, StateUnusable
from streams.records import Decision, OutboxRecord, RecordBatch

MOST_ANSWERS = 256
"""Answers that stay readable; an older one gets a tombstone for each that comes."""


class Books(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the controller remembers: the revision of each setting, and the ids answered lately, the oldest first."""

    revisions: dict[str, int] = {}
    answered: tuple[str, ...] = ()


_decode_books = msgspec.json.Decoder(Books).decode


class ControlState:
    """The books of the one partition of `control`."""

    def __init__(self, books: Books) -> None:
        self.books = books

    def apply(self, change: Books) -> None:
        self.books = change

    def dump(self) -> dict[str, bytes]:
        ordered = msgspec.structs.replace(self.books, revisions=dict(sorted(self.books.revisions.items())))
        return {"books": msgspec.json.encode(ordered)}


@dataclass(frozen=True, slots=True)
class ControlReport:
    """What one batch came to, for logs: the answers by proposal id, and records that are nobody's."""

    answers: dict[str, Answer] = field(default_factory=dict)
    unreadable: int = 0


class ControlDecider:
    """Accepts what names a known model and signal, and was proposed on the revision that holds."""

    role = "control"

    def __init__(
        self,
        *,
        signals: Mapping[str, frozenset[str]],
        control_topic: str,
        observations_topic: str,
        events_topic: str,
        look_again: Callable[[], None] = lambda: None,
    ) -> None:
        """`signals` by model. `look_again` may add some; asked when a proposal names what is not known."""
        self._signals, self._look_again = signals, look_again
        self._control, self._observations, self._events = control_topic, observations_topic, events_topic

    def load(self, _partition: int, entries: Mapping[str, bytes]) -> ControlState:
        if not entries:
            return ControlState(Books())
        try:
            return ControlState(_decode_books(entries["books"]))
        except (KeyError, msgspec.MsgspecError) as error:
            raise StateUnusable(f"the controller's books cannot be read ({error})") from error

    def prepare(self, _batch: RecordBatch) -> None:
        """Nothing: proposals are few."""

    def decide(self, states: Mapping[int, PartitionState], batch: RecordBatch, _prepared: object) -> Decision:
        """Proposals in their order. What it publishes comes back later and changes nothing."""
        outbox: list[OutboxRecord] = []
        changes: dict[int, Books] = {}
        answers: dict[str, Answer] = {}
        unreadable = 0
        for partition, key, value in zip(batch.partitions, batch.keys, batch.values, strict=True):
            state = states[partition]
            assert isinstance(state, ControlState)
            books = changes.get(partition, state.books)
            name = _text(key)
            if value is None:
                continue
            if name is None:
                unreadable += 1
            elif name.startswith(PROPOSAL):
                changes[partition], answer, records = self._propose(books, name, value)
                answers[name.rpartition("/")[2]] = answer
                outbox += records
            elif name.startswith(ANSWER):
                changes[partition], records = self._note_answer(books, name.removeprefix(ANSWER))
                outbox += records
            else:
                # Its own; they count where the books were lost and the topic is read again.
                revisions = _noted(books.revisions, name, value)
                unreadable += revisions is None
                changes[partition] = msgspec.structs.replace(books, revisions=revisions or books.revisions)
        return Decision([] if batch.replay else outbox, changes, ControlReport(answers, unreadable))

    def give_up(self, batch: RecordBatch, _error: Exception) -> Decision:
        """A record that no decision is possible about is passed over; its proposer hears nothing."""
        return Decision([], {}, ControlReport(unreadable=len(batch)))

    def _propose(self, books: Books, name: str, value: bytes) -> tuple[Books, Answer, list[OutboxRecord]]:
        setting, _, proposal_id = name.removeprefix(PROPOSAL).rpartition("/")
        records = [OutboxRecord(self._control, name.encode(), None)]
        try:
            proposed = decode_proposal(proposal_id, value)
        except msgspec.MsgspecError as error:
            refusal: str | None = f"malformed: {error}"
        else:
            refusal = self._refusal(books, setting, proposed)
        if refusal is None:
            revision = books.revisions.get(setting, 0) + 1
            books = msgspec.structs.replace(books, revisions=books.revisions | {setting: revision})
            answer = Answer("accepted", f"revision {revision} of {setting}", revision)
            records.append(OutboxRecord(self._control, setting.encode(), encode_accepted(proposed, revision)))
            records.append(self._command(proposed))
        else:
            answer = Answer("refused", refusal)
        if 0 < len(proposal_id) <= MAX_ID:
            records.append(OutboxRecord(self._control, answer_key(proposal_id), msgspec.json.encode(answer)))
        return books, answer, records

    def _refusal(self, books: Books, setting: str, proposed: Proposed) -> str | None:
        """Why a proposal does not hold; None: it does."""
        if setting != proposed.setting or not 0 < len(proposed.command.id) <= MAX_ID:
            return f"malformed: its key is to be {PROPOSAL}{proposed.setting}/<id of up to {MAX_ID} characters>"
        named, known = set(signals_of(proposed.command)), self._signals.get(proposed.model)
        if known is None or not named <= known:
            self._look_again()
            known = self._signals.get(proposed.model)
        if known is None:
            models = ", ".join(sorted(self._signals)) or "none"
            return f"unknown model {proposed.model}: the worker's registry has {models}"
        strange = sorted(named - known)
        if strange:
            return f"unknown signal {', '.join(strange)}: {proposed.model} has {', '.join(sorted(known))}"
        holds, expected = books.revisions.get(setting, 0), proposed.expected_revision
        if expected is not None and expected != holds:
            return f"stale: {setting} is at revision {holds}, the proposal expected {expected}; look again"
        return None

    def _command(self, proposed: Proposed) -> OutboxRecord:
        """Into the log of the model's observations: there it has its place among them."""
        record = Observation(proposed.model, "", "", self._events, -1, -1, -1, 0, command=proposed.command)
        return OutboxRecord(self._observations, proposed.model.encode(), msgspec.json.encode(record))

    def _note_answer(self, books: Books, proposal_id: str) -> tuple[Books, list[OutboxRecord]]:
        answered = (*(known for known in books.answered if known != proposal_id), proposal_id)
        old, kept = answered[:-MOST_ANSWERS], answered[-MOST_ANSWERS:]
        records = [OutboxRecord(self._control, answer_key(each), None) for each in old]
        return msgspec.structs.replace(books, answered=kept), records


def _noted(revisions: dict[str, int], setting: str, value: bytes) -> dict[str, int] | None:
    """With the revision of an accepted record; None if it is none."""
    try:
        if decode_proposal("", value).setting != setting:
            return None
        revision = decode_revision(value)
    except msgspec.MsgspecError:
        return None
    return revisions | {setting: max(revision, revisions.get(setting, 0))}


def _text(key: bytes | None) -> str | None:
    try:
        return key.decode() if key else None
    except UnicodeDecodeError:
        return None
