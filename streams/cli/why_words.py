"""What became of an event, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from drift.alert import rfc3339
from streams.cli.why_search import MOST, Searched
from streams.dead_letters.advice import ADVICE
from streams.dead_letters.letter import DeadLetter, Place
from streams.fate.join import Join, Label
from streams.fate.outcome import Answer, Fate
from streams.telemetry.escape import printable


def fate_fields(fate: Fate, sent_again: Mapping[Place, Place]) -> dict[str, Any]:
    """`sent_again`: dead letters and the events that they became."""
    return {
        "event": str(fate.place),
        "partition": fate.place.partition,
        "offset": fate.place.offset,
        "time": rfc3339(fate.time_ms),
        "key": None if fate.key is None else fate.key.decode("utf-8", "backslashreplace"),
        "found_by": fate.match,
        "state": fate.state,
        "sent_again_from": None if fate.sent_again_from is None else str(fate.sent_again_from),
        "committed_offset": fate.committed,
        "lag": fate.lag,
        "answers": [
            {
                "prediction": msgspec.to_builtins(answer.prediction),
                "record": str(answer.place),
                "time": rfc3339(answer.time_ms),
                "after_ms": answer.time_ms - fate.time_ms,
            }
            for answer in fate.answers
        ],
        "dead_letters": [
            {
                "record": str(letter.place),
                "model": letter.model,
                "stage": letter.stage,
                "reason": letter.reason,
                "means": f"the event {ADVICE[letter.reason].means}",
                "error": letter.error,
                "fix": ADVICE[letter.reason].fix,
                "attempt": letter.attempt,
                "time": rfc3339(letter.timestamp_ms),
                "after_ms": letter.timestamp_ms - fate.time_ms,
                "sent_again_as": _optional(sent_again.get(letter.place)),
            }
            for letter in fate.dead_letters
        ],
    }


def label_fields(label: Label) -> dict[str, Any]:
    return {
        "record": str(label.place),
        "time": rfc3339(label.time_ms),
        "label": label.label,
        "readable": label.readable,
    }


def join_fields(join: Join, window_ms: int) -> list[dict[str, Any]]:
    """One object an answer."""
    label = None if join.label is None else {"record": str(join.label.place), "label": join.label.value}
    return [
        {
            "model": answer.model,
            "version": answer.version,
            "record": str(answer.place),
            "prediction": answer.value,
            "label": label,
            "state": join.state(answer, window_ms),
        }
        for answer in join.answers
    ]


def searched_fields(searched: Searched, since_ms: int, until_ms: int | None) -> dict[str, Any]:
    return {
        "topic": searched.topic,
        "since": rfc3339(since_ms),
        "until": None if until_ms is None else rfc3339(until_ms),
        "offsets": {str(partition): list(span) for partition, span in searched.spans.items()},
    }


def not_found(event_id: str, searched: Searched, since_ms: int, until_ms: int | None) -> str:
    """What was searched, and what else there is to try."""
    if not searched.spans:
        return f"{searched.topic} has no such partition; fix: another --partition, or none"
    records = sum(end - start for start, end in searched.spans.values())
    until = "now" if until_ms is None else rfc3339(until_ms)
    where = ", ".join(f"{partition}: {start} to {end}" for partition, (start, end) in searched.spans.items())
    return (
        f"no event {event_id!r} in {searched.topic} from {rfc3339(since_ms)} to {until}: {records:,} offsets read "
        f"(partition: from, to: {where}); likely cause: it was never sent, is older than that or than the topic's "
        f"retention, or lies in another partition than --key says; fix: an earlier --since, or no --key"
    )


def fate_lines(fate: Fate, sent_again: Mapping[Place, Place]) -> Iterator[str]:
    """For a terminal: what comes from outside is escaped and cut."""
    key = "" if fate.key is None else f", key {fate.key.decode('utf-8', 'backslashreplace')}"
    yield _line("event", f"{fate.place}, {rfc3339(fate.time_ms)}{key}")
    if fate.match == "text":
        yield _line("", "its bytes hold the id, but cannot be read as an event with that id")
    if fate.sent_again_from is not None:
        yield _line("", f"sent in again, from the dead letter {fate.sent_again_from}")
    for answer in fate.answers:
        yield from _answer_lines(fate, answer)
    for letter in fate.dead_letters:
        yield from _letter_lines(fate, letter, sent_again)
    match fate.state:
        case "not answered yet":
            committed = "nothing" if fate.committed is None else f"offset {fate.committed}"
            yield _line(
                "not yet", f"committed in its partition is {committed}, the lag there {fate.lag or 0:,} records"
            )
        case "no outcome found":
            yield _line("done", f"the group has committed offset {fate.committed}, and there is no outcome here: older")
            yield _line(
                "", "than the retention of predictions and dead letters, of another --model, or offsets were set"
            )


def label_lines(labels: Sequence[Label], join: Join | None, window_ms: int) -> Iterator[str]:
    for label in labels:
        told = repr(label.label) if label.readable else "a label that cannot be read"
        yield _line("label", f"{told}, {label.place}, {rfc3339(label.time_ms)}")
    for answer in () if join is None else join.answers:
        if join is not None and (labels or join.label is not None):
            yield _line("join", f"of {answer.model} {answer.version}: {join.state(answer, window_ms)}")


def sent_again_by(fates: Iterable[Fate]) -> dict[Place, Place]:
    """Dead letters and the events that they became, of those found."""
    return {fate.sent_again_from: fate.place for fate in fates if fate.sent_again_from is not None}


def capped(count: int) -> str | None:
    return f"{MOST} records with this id are shown, there may be more" if count >= MOST else None


def _answer_lines(fate: Fate, answer: Answer) -> Iterator[str]:
    told = answer.prediction
    score = "" if told.score is None else f", score {told.score:.4g}"
    yield _line("valid", f"answered by {told.model} {told.version}, served by {told.served_by}")
    yield _line("answer", f"{told.prediction!r}{score}, {answer.place}, {_after(answer.time_ms - fate.time_ms)}")
    if told.degraded:
        yield _line("degraded", f"the model did not answer: {told.reason}")
    if told.duplicate_of is not None:
        yield _line("duplicate", f"of {told.duplicate_of}: the same id was answered shortly before")


def _letter_lines(fate: Fate, letter: DeadLetter, sent_again: Mapping[Place, Place]) -> Iterator[str]:
    advice = ADVICE[letter.reason]
    yield _line("rejected", f"{letter.reason} ({letter.stage}) by {letter.model}: the event {advice.means}")
    yield _line("error", letter.error)
    yield _line("letter", f"{letter.place}, attempt {letter.attempt}, {_after(letter.timestamp_ms - fate.time_ms)}")
    yield _line("do", advice.fix)
    if letter.place in sent_again:
        yield _line("", f"it was sent in again, as {sent_again[letter.place]}")


def _after(ms: int) -> str:
    return f"{ms:,} ms after the event's record"


def _line(name: str, text: str) -> str:
    return f"{name:<10} {printable(text, limit=500)}"


def _optional(place: Place | None) -> str | None:
    return None if place is None else str(place)
