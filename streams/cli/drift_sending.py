"""What `weir drift inject` does."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from drift.alert import rfc3339
from drift.scenarios import Episode, ScenarioError
from streams.cli.drift_work import named_columns, scenarios_of
from streams.cli.options import ExitCode
from streams.cli.output import print_json, say
from streams.kafka.client import client_config
from streams.kafka.producing import EventProducer
from streams.settings import load_settings
from streams.telemetry.escape import printable
from streams.trial.drifted_events import DriftedEvents
from streams.trial.reading import read_rows
from streams.trial.sending import Sent, send


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectArguments:
    """The options of `weir drift inject`."""

    data: Path
    inject: list[str]
    rate: float
    duration: float
    topic: str | None
    time: str | None
    columns: str | None
    seed: int
    config: Path | None


def inject(arguments: InjectArguments, *, as_json: bool) -> None:
    """Send until all events are out or Ctrl-C. Exit 1 when the broker has not got all of them."""
    scenarios = scenarios_of(arguments.inject)
    settings = load_settings(arguments.config)
    topic = arguments.topic or settings.topics.name("events")
    read = read_rows(arguments.data, time=arguments.time, columns=named_columns(arguments.columns), step_ms=1)
    run = secrets.token_hex(4)  # a worker takes an id that it knows for a repeat, and leaves it out of drift
    with EventProducer(client_config(settings.kafka), topic) as producer:
        producer.require_topic()
        producer.connect()
        start_ms = time.time_ns() // 1_000_000
        try:
            events = DriftedEvents(
                read.rows,
                scenarios,
                count=max(1, round(arguments.rate * arguments.duration)),
                rate=arguments.rate,
                start_ms=start_ms,
                seed=arguments.seed,
                run=run,
            )
        except ScenarioError as error:
            raise typer.BadParameter(str(error), param_hint="--inject") from error
        say(f"{len(events):,} events to {topic}, {arguments.rate:g} a second, as {run}-…; Ctrl-C ends it")

        def begins(episode: Episode) -> None:
            line = f"{episode.kind} of {', '.join(episode.signals)} begins"
            say(f"{line}: event {events.id_of(episode.first_row)}, {rfc3339(episode.began_ms)}")

        sent = send(producer, events, rate=arguments.rate, start_ms=start_ms, begins=begins)
    summary = _summary(topic, run, arguments, events, sent)
    if as_json:
        print_json(summary)
    else:
        typer.echo(printable(f"{sent.delivered:,} of {sent.count:,} events delivered to {topic}"))
        for each in summary["injected"]:
            signals = ", ".join(each["signals"])
            ended = f", ends {each['ended']}" if each["ended"] else ""
            typer.echo(
                printable(f"{each['kind']} of {signals} since {each['began']}{ended}, event {each['first_event']}")
            )
    if sent.delivered < sent.count:
        say(
            f"error: {sent.count - sent.delivered:,} events are not delivered: {sent.why_failed or 'no answer in time'}"
        )
        raise typer.Exit(ExitCode.FAILED)


def _summary(topic: str, run: str, arguments: InjectArguments, events: DriftedEvents, sent: Sent) -> dict[str, Any]:
    """Changes that had begun before the end; `ended` is None where the events ended first."""
    begun = [episode for episode in events.episodes if episode.first_row < sent.count]
    return {
        "topic": topic,
        "run": run,
        "rate": arguments.rate,
        "seed": arguments.seed,
        "sent": sent.count,
        "delivered": sent.delivered,
        "stopped": sent.stopped,
        "first_time": rfc3339(events.time_of(0)),
        "injected": [
            {
                "kind": episode.kind,
                "signals": episode.signals,
                "first_event": events.id_of(episode.first_row),
                "began": rfc3339(episode.began_ms),
                "ended": rfc3339(episode.ended_ms)
                if episode.ended_ms is not None and episode.end_row < sent.count
                else None,
            }
            for episode in begun
        ],
    }
