"""The decision of the control role: which proposals hold, one after the other, and who is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from drift.challenge import PAIRS, Contest
from drift.command import Command as DriftCommand
from drift.command import signals_of
from drift.observation import Observation
from streams.control_records import (
    ANSWER,
    MAX_ID,
    PROPOSAL,
    Answer,
    Command,
    Proposed,
    answer_key,
    decode_proposal,
    decode_revision,
    decode_served,
    encode_accepted,
)
from streams.decider import PartitionState, StateUnusable
from streams.records import Decision, OutboxRecord, RecordBatch
from streams.serving_commands import Promote, ServedVersions, ServingCommand, Shadow, carried_out

MOST_ANSWERS = 256
"""Answers that stay readable; an older one gets a tombstone for each that comes."""


class Books(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the controller remembers: the revision of each setting, the ids answered lately, the oldest first, and which
    versions of each model were chosen."""

    revisions: dict[str, int] = {}
    answered: tuple[str, ...] = ()
    served: dict[str, ServedVersions] = {}


_decode_books = msgspec.json.Decoder(Books).decode


class ControlState:
    """The books of the one partition of `control`."""

    def __init__(self, books: Books) -> None:
        self.books = books

    def apply(self, change: Books) -> None:
        self.books = change

    def dump(self) -> dict[str, bytes]:
        revisions, served = (dict(sorted(own.items())) for own in (self.books.revisions, self.books.served))
        return {"books": msgspec.json.encode(msgspec.structs.replace(self.books, revisions=revisions, served=served))}


@dataclass(frozen=True, slots=True)
class ControlReport:
    """What one batch came to, for logs: the answers by proposal id, and records that are nobody's."""

    answers: dict[str, Answer] = field(default_factory=dict)
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class KnownModel:
    """What may be named of a model: its signals and its versions; `default` is served until another is chosen."""

    signals: frozenset[str]
    versions: tuple[str, ...] = ()
    default: str | None = None


class ControlDecider:
    """Accepts what names a known model, signal and version, and was proposed on the revision that holds."""

    role = "control"

    def __init__(
        self,
        *,
        models: Mapping[str, KnownModel],
        control_topic: str,
        observations_topic: str,
        events_topic: str,
        look_again: Callable[[], None] = lambda: None,
    ) -> None:
        """`look_again` may change `models`; asked when a proposal names what is not known, or
        is about versions."""
        self._models, self._look_again = models, look_again
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
                noted = _noted(books, name, value)
                unreadable += noted is None
                changes[partition] = noted or books
        return Decision([] if batch.replay else outbox, changes, ControlReport(answers, unreadable))

    def give_up(self, batch: RecordBatch, _error: Exception) -> Decision:
        """A record that no decision is possible about is passed over; its proposer hears nothing."""
        return Decision([], {}, ControlReport(unreadable=len(batch)))

    def _propose(self, books: Books, name: str, value: bytes) -> tuple[Books, Answer, list[OutboxRecord]]:
        setting, _, proposal_id = name.removeprefix(PROPOSAL).rpartition("/")
        records = [OutboxRecord(self._control, name.encode(), None)]
        served: ServedVersions | None = None
        try:
            proposed = decode_proposal(proposal_id, value)
        except msgspec.MsgspecError as error:
            refusal: str | None = f"malformed: {error}"
        else:
            refusal = self._refusal(books, setting, proposed)
            if refusal is None and isinstance(proposed.command, ServingCommand):
                chosen = self._chosen(books, proposed.model, proposed.command, _next_revision(books, setting))
                served, refusal = (None, chosen) if isinstance(chosen, str) else (chosen, None)
        if refusal is None:
            revision, before = _next_revision(books, setting), books.served.get(proposed.model)
            books = _entered(books, setting, revision, proposed.model, served)
            why = f"revision {revision} of {setting}"
            if served is not None and before is None and isinstance(proposed.command, Shadow):
                # Workers may serve what was the default when they started.
                why += f"; version {served.active}, the registry's default, answers everywhere from now on"
            answer = Answer("accepted", why, revision)
            records.append(OutboxRecord(self._control, setting.encode(), encode_accepted(proposed, revision, served)))
            if isinstance(proposed.command, DriftCommand):
                records.append(self._observed(proposed.model, command=proposed.command))
            elif served is not None:
                records += self._challenge(proposed.model, before, served, revision)
        else:
            answer = Answer("refused", refusal)
        if 0 < len(proposal_id) <= MAX_ID:
            records.append(OutboxRecord(self._control, answer_key(proposal_id), msgspec.json.encode(answer)))
        return books, answer, records

    def _refusal(self, books: Books, setting: str, proposed: Proposed) -> str | None:
        """Why a proposal does not hold; None: it does."""
        command = proposed.command
        if setting != proposed.setting or not 0 < len(command.id) <= MAX_ID:
            return f"malformed: its key is to be {PROPOSAL}{proposed.setting}/<id of up to {MAX_ID} characters>"
        strange = self._strange(proposed.model, command)
        if strange is not None or isinstance(command, ServingCommand):
            self._look_again()  # versions also go, and another becomes the default
            strange = self._strange(proposed.model, command)
        if strange is not None:
            return strange
        holds, expected = books.revisions.get(setting, 0), proposed.expected_revision
        if expected is not None and expected != holds:
            return f"stale: {setting} is at revision {holds}, the proposal expected {expected}; look again"
        return None

    def _strange(self, model: str, command: Command) -> str | None:
        """What a command names that is not known."""
        known = self._models.get(model)
        if known is None:
            models = ", ".join(sorted(self._models)) or "none"
            return f"unknown model {model}: the worker's registry has {models}"
        if isinstance(command, Promote | Shadow) and command.version not in known.versions:
            return (
                f"unknown version {command.version}: the worker's registry has {', '.join(known.versions)} of {model}"
            )
        if isinstance(command, DriftCommand):
            strange = sorted(set(signals_of(command)) - known.signals)
            if strange:
                return f"unknown signal {', '.join(strange)}: {model} has {', '.join(sorted(known.signals))}"
        return None

    def _chosen(self, books: Books, model: str, command: ServingCommand, revision: int) -> ServedVersions | str:
        """What is served from now on, or why the command cannot be obeyed."""
        served = books.served.get(model)
        if served is None:
            default = self._models[model].default
            if isinstance(command, Promote) and command.version == default:
                return ServedVersions(command.version)  # workers may still serve what was the default when they started
            served = None if default is None else ServedVersions(default)
        if served is None:
            return f"no version of {model} is active in the worker's registry; `weir model add` makes one so"
        return carried_out(command, served, revision)

    def _challenge(
        self, model: str, before: ServedVersions | None, served: ServedVersions, revision: int
    ) -> list[OutboxRecord]:
        """From where on pairs of which versions are compared, if that changes."""
        if served.challenger is not None:
            contest = Contest(served.active, served.challenger, revision)
            return [self._observed(model, stream=PAIRS, contest=contest)]
        had_one = before is not None and before.challenger is not None
        return [self._observed(model, stream=PAIRS)] if had_one else []

    def _observed(self, model: str, **what: Any) -> OutboxRecord:
        """Into the log of the model's observations: there it has its place among them."""
        record = Observation(model, "", "", self._events, -1, -1, -1, 0, **what)
        return OutboxRecord(self._observations, model.encode(), msgspec.json.encode(record))

    def _note_answer(self, books: Books, proposal_id: str) -> tuple[Books, list[OutboxRecord]]:
        answered = (*(known for known in books.answered if known != proposal_id), proposal_id)
        old, kept = answered[:-MOST_ANSWERS], answered[-MOST_ANSWERS:]
        records = [OutboxRecord(self._control, answer_key(each), None) for each in old]
        return msgspec.structs.replace(books, answered=kept), records


def _next_revision(books: Books, setting: str) -> int:
    return books.revisions.get(setting, 0) + 1


def _entered(books: Books, setting: str, revision: int, model: str, served: ServedVersions | None) -> Books:
    chosen = books.served if served is None else books.served | {model: served}
    return msgspec.structs.replace(books, revisions=books.revisions | {setting: revision}, served=chosen)


def _noted(books: Books, setting: str, value: bytes) -> Books | None:
    """With what an accepted record says; None if it is none."""
    try:
        proposed = decode_proposal("", value)
        revision = decode_revision(value)
        served = decode_served(value) if isinstance(proposed.command, ServingCommand) else None
    except msgspec.MsgspecError:
        return None
    if proposed.setting != setting:
        return None
    if revision <= books.revisions.get(setting, 0):
        return books
    return _entered(books, setting, revision, proposed.model, served)


def _text(key: bytes | None) -> str | None:
    try:
        return key.decode() if key else None
    except UnicodeDecodeError:
        return None
