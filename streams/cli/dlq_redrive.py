"""What `weir dlq redrive` does."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import typer

from streams.cli.dlq_scan import Scan
from streams.cli.dlq_words import group_lines, short, tally
from streams.cli.options import ExitCode
from streams.cli.output import print_json, say
from streams.dead_letters.copies import Copies
from streams.dead_letters.event import CannotRedrive, event_of
from streams.dead_letters.groups import Groups
from streams.dead_letters.redriven import Redriven
from streams.dead_letters.wanted import Wanted
from streams.kafka.client import client_config
from streams.kafka.reading import TopicReader
from streams.kafka.redriving import Redrive, Refused, Resend, read_marks
from streams.settings import Settings
from streams.telemetry.escape import printable

MOST_GROUPS_SHOWN = 20
MOST_RECORDS = 500
MOST_BYTES = 4 << 20
"""In one transaction, and so in memory."""


@dataclass(frozen=True, slots=True)
class RedriveArguments:
    """The options of `weir dlq redrive`; `rate` in events a second."""

    wanted: Wanted
    since_ms: int | None
    limit: int | None
    rate: float
    yes: bool


@dataclass(slots=True)
class Outcome:
    """Dead letters by what becomes of them. `unfit` counts by why; of `refused` the first few are kept."""

    sent: int = 0
    already: int = 0
    copies: int = 0
    unfit: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    examples: list[Refused] = field(default_factory=list)


class Selection:
    """The letters to send, as events, of those that are read."""

    def __init__(self, arguments: RedriveArguments, scan: Scan, events_topic: str, partitions: int) -> None:
        self.outcome, self.groups = Outcome(), Groups()
        self._arguments, self._scan = arguments, scan
        self._events_topic, self._partitions = events_topic, partitions
        self._copies = Copies()

    def resends(self, marks: Redriven) -> Iterator[Resend]:
        """Those not marked, the oldest of each partition first, up to the limit; copies of them without an event."""
        chosen = 0
        for letter in self._scan.letters(self._arguments.wanted):
            try:
                event = event_of(letter, self._events_topic, self._partitions)
            except CannotRedrive as error:
                self.outcome.unfit[str(error)] += 1
                continue
            copy = self._copies.is_copy(letter)
            if letter.place in marks:
                self.outcome.already += 1
            elif copy:
                self.outcome.copies += 1
                yield Resend(letter.place, None)
            else:
                chosen += 1
                self.groups.add(letter, redriven=False)
                yield Resend(letter.place, event)
                if chosen == self._arguments.limit:
                    return


def run(arguments: RedriveArguments, settings: Settings, *, as_json: bool) -> None:
    """Say what would be sent, or send it. Raises as Redrive does."""
    client, topics = client_config(settings.kafka), settings.topics
    dead_letters, state, events = (topics.name(role) for role in ("dead_letters", "state", "events"))
    with TopicReader(client, events, offsets={}) as reader:
        partitions = len(reader.lows)
    with TopicReader(client, dead_letters, since_ms=arguments.since_ms) as reader:
        selection = Selection(arguments, Scan(reader), events, partitions)
        if not arguments.yes:
            resends = selection.resends(read_marks(client, state, dead_letters))
            selection.outcome.sent = sum(each.event is not None for each in resends)
        else:
            with Redrive(client, state_topic=state, dead_letters_topic=dead_letters) as redriving:
                redriving.forget(reader.lows)
                try:
                    _send(selection, redriving, arguments.rate)
                except KeyboardInterrupt:
                    say(f"interrupted after {selection.outcome.sent:,}; run it again to go on")
                    raise
    _tell(selection, arguments, events, as_json=as_json)
    if selection.outcome.refused:
        raise typer.Exit(ExitCode.FAILED)


def _send(selection: Selection, redriving: Redrive, rate: float) -> None:
    outcome = selection.outcome
    due = time.monotonic()
    for batch in _batches(selection.resends(redriving.marks), max(1, min(MOST_RECORDS, int(rate)))):
        time.sleep(max(0.0, due - time.monotonic()))
        # What was missed is not made up for: the rate is there to spare the workers.
        events = sum(each.event is not None for each in batch)
        due = max(due, time.monotonic()) + events / rate
        refused = redriving.send(batch)
        outcome.sent += events - len(refused)
        outcome.refused += len(refused)
        outcome.examples += refused[: 10 - len(outcome.examples)]


def _batches(resends: Iterator[Resend], most: int) -> Iterator[list[Resend]]:
    batch: list[Resend] = []
    size = 0
    for each in resends:
        batch.append(each)
        if each.event is not None:
            size += len(each.event.value or b"") + len(each.event.key or b"")
        if len(batch) >= most or size >= MOST_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _tell(selection: Selection, arguments: RedriveArguments, events: str, *, as_json: bool) -> None:
    outcome, sent = selection.outcome, arguments.yes
    if as_json:
        report: dict[str, Any] = {
            "topic": events,
            "dry_run": not sent,
            "sent" if sent else "would_send": outcome.sent,
            "already_redriven": outcome.already,
            "copies": outcome.copies,
            "cannot_be_sent": dict(outcome.unfit),
            "refused": outcome.refused,
            "refusals": [{"dead_letter": short(each.letter), "why": each.why} for each in outcome.examples],
        }
        print_json(report)
        return
    if not sent:
        for line in group_lines(selection.groups.largest_first()[:MOST_GROUPS_SHOWN]):
            typer.echo(line)
    what = "sent to" if sent else "would be sent to"
    typer.echo(printable(f"{outcome.sent:,} {what} {events}"))
    left = [
        (outcome.already, "sent in again before"),
        (outcome.copies, "copies of others"),
        (outcome.refused, "refused"),
    ]
    if said := tally([*left, *((count, f"not sent: {why}") for why, count in outcome.unfit.items())]):
        say(said)
    for each in outcome.examples:
        say(f"error: {short(each.letter)}: {each.why}")
    if not sent and outcome.sent:
        say("nothing was sent; --yes sends")
