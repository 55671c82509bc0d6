"""`weir why`: what became of one event."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from streams.cli.alerts import parse_since
from streams.cli.options import ConfigOption, ExitCode, JsonOption
from streams.cli.output import print_json, say
from streams.settings import load_settings


def why(
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID", help="The event's `id`.")],
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="Look from then on: 30m, 12h, 7d, or a time (RFC 3339).")
    ],
    until: Annotated[str | None, typer.Option("--until", metavar="WHEN", help="And up to then. Default: now.")] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="The record's key: looks only where librdkafka puts it.")
    ] = None,
    partition: Annotated[int | None, typer.Option(min=0, help="Look only in this partition.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Only what this model made of it.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find an event and what became of it: its offset, the answer or the reason why not, the label.

    Reads the topics from --since to where they end now. Exit 4 when no such event is there.
    """
    from streams.cli import why_words as words  # noqa: PLC0415  # the Kafka client takes its time to import
    from streams.cli.why_search import Question, Search, partition_of_key  # noqa: PLC0415
    from streams.kafka.client import client_config  # noqa: PLC0415

    now_ms = time.time_ns() // 1_000_000
    since_ms = parse_since(since, now_ms)
    until_ms = None if until is None else parse_since(until, now_ms)
    if key is not None and partition is not None:
        raise typer.BadParameter("--key and --partition both say where to look: give one of them")
    settings = load_settings(config)
    if key is not None:
        partition = partition_of_key(client_config(settings.kafka), settings.topics.name("events"), key.encode())
    search = Search(settings, Question(event_id, since_ms, until_ms, None if partition is None else [partition], model))
    fates, searched = search.fates()
    report = {"event_id": event_id, "searched": words.searched_fields(searched, since_ms, until_ms)}
    if not fates:
        if as_json:
            print_json({**report, "events": []})
        say(words.not_found(event_id, searched, since_ms, until_ms))
        raise typer.Exit(ExitCode.FINDINGS)
    labels, window_ms = search.labels(), settings.labels.window_s * 1000
    join = search.join(fates)
    sent_again = words.sent_again_by(fates)
    if as_json:
        print_json(
            {
                **report,
                "events": [words.fate_fields(fate, sent_again) for fate in fates],
                "labels": [words.label_fields(label) for label in labels],
                "joins": [] if join is None else words.join_fields(join, window_ms),
            }
        )
        return
    for fate in fates:
        for line in words.fate_lines(fate, sent_again):
            typer.echo(line)
    for line in words.label_lines(labels, join, window_ms):
        typer.echo(line)
    if more := words.capped(len(fates)):
        say(more)
