"""`weir alerts ack` and `weir alerts silence`: what on-call says about alerts."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from drift.command import Acknowledge, Silence
from streams.cli.alerts import newest_states, parse_duration
from streams.cli.cards import AlertFields, is_firing
from streams.cli.options import ConfigOption, ExitCode, JsonOption
from streams.cli.output import say
from streams.cli.proposing import AuthorOption, ReasonOption, author_of, propose
from streams.settings import Settings, load_settings


def ack(
    alert: Annotated[str, typer.Argument(metavar="ALERT_ID|MODEL/SIGNAL", help="As `weir alerts --json` tells it.")],
    reason: ReasonOption = "",
    author: AuthorOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that you look after an alert. It goes on firing, and says by whom it is looked after.

    Exit codes: 0 applied, 1 refused or no such alert, 3 nobody answered.
    """
    found = _standing(load_settings(config), alert)
    if found is None:
        say(f"error: no alert {alert} stands; `weir alerts` shows those that do")
        raise typer.Exit(ExitCode.FAILED)
    model, _, signal = str(found["dedupe_key"]).partition("/")
    command = Acknowledge(author_of(author), signal, str(found["alert_id"]), reason)
    propose(model, command, config, as_json=as_json)


def silence(
    target: Annotated[str, typer.Argument(metavar="MODEL[/SIGNAL]", help="A whole model, or one of its signals.")],
    duration: Annotated[str, typer.Option("--for", metavar="TIME", help="For how long: 30m, 2h, 7d.")] = "2h",
    lift: Annotated[bool, typer.Option("--lift", help="End the silence that there is.")] = False,
    reason: ReasonOption = "",
    author: AuthorOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let alerts of a model or signal go to the log only, until events of that time have come.

    Exit codes: 0 applied, 1 refused, 3 nobody answered.
    """
    model, _, signal = target.partition("/")
    until = 0 if lift else time.time_ns() // 1_000_000 + parse_duration(duration) * 1000
    propose(model, Silence(author_of(author), until, signal or None, reason), config, as_json=as_json)


def _standing(settings: Settings, wanted: str) -> AlertFields | None:
    """The alert that stands by this id or key."""
    from streams.kafka.client import client_config  # noqa: PLC0415  # the Kafka client takes its time to import
    from streams.kafka.reading import TopicReader  # noqa: PLC0415

    with TopicReader(client_config(settings.kafka), settings.topics.name("alerts")) as reader:
        alerts = newest_states((record.key, record.value) for record in reader.to_end())
    named = (alert for alert in alerts if wanted in (alert.get("alert_id"), alert.get("dedupe_key")))
    return next(filter(is_firing, named), None)
