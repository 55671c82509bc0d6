"""`weir alerts`: what drifted, newest state of each alert, firing ones first."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from streams.cli.cards import AlertFields, alert_card, firing_first, is_firing
from streams.cli.options import ConfigOption, JsonOption
from streams.cli.output import print_json, say
from streams.settings import load_settings

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
SinceOption = Annotated[
    str | None,
    typer.Option("--since", metavar="WHEN", help="Only changes since then: 30m, 12h, 7d, or a time (RFC 3339)."),
]
FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on with every new change until Ctrl-C.")]


alerts_app = typer.Typer(invoke_without_command=True)


@alerts_app.callback()
def alerts(
    context: typer.Context,
    follow: FollowOption = False,
    since: SinceOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what drifted, since when and how much: the newest state of each alert, firing ones first.

    With --json one array, and with --follow then one object a line for each new change.
    """
    if context.invoked_subcommand is not None:
        return
    from streams.kafka.client import client_config  # noqa: PLC0415  # the Kafka client takes its time to import
    from streams.kafka.reading import TopicReader  # noqa: PLC0415

    since_ms = None if since is None else parse_since(since, time.time_ns() // 1_000_000)
    settings = load_settings(config)
    console = Console(highlight=False)
    with TopicReader(client_config(settings.kafka), settings.topics.name("alerts"), since_ms=since_ms) as reader:
        current = firing_first(newest_states((record.key, record.value) for record in reader.to_end()))
        if as_json:
            print_json(current)
        else:
            for alert in current:
                console.print(alert_card(alert))
            say(f"{sum(map(is_firing, current))} firing, {len(current)} in all")
        if not follow:
            return
        for record in reader.follow(lambda: False):
            change = decode_alert(record.value)
            if change is not None:
                print_json(change) if as_json else console.print(alert_card(change))


def newest_states(records: Iterable[tuple[bytes | None, bytes | None]]) -> list[AlertFields]:
    """The last state of each alert, by key; a null value removes it. Unreadable records are left out."""
    newest: dict[bytes | None, AlertFields] = {}
    for key, value in records:
        newest.pop(key, None)
        alert = decode_alert(value)
        if alert is not None:
            newest[key] = alert
    return list(newest.values())


def decode_alert(value: bytes | None) -> AlertFields | None:
    """A record of the alerts topic; None for a tombstone or what is no JSON object."""
    if value is None:
        return None
    try:
        decoded: Any = msgspec.json.decode(value)
    except msgspec.DecodeError:
        return None
    return decoded if isinstance(decoded, dict) else None


def parse_duration(text: str) -> int:
    """Seconds of ``30m``, ``2h`` or ``7d``. Raises typer.BadParameter."""
    duration = re.fullmatch(r"(\d{1,6})([smhdw])", text)
    if duration is None or not int(duration[1]):
        raise typer.BadParameter(f"{text!r} is no duration such as 30m, 2h or 7d")
    return int(duration[1]) * SECONDS[duration[2]]


def parse_since(text: str, now_ms: int) -> int:
    """``12h`` before `now_ms`, or a point in time; in ms since the epoch. Raises typer.BadParameter."""
    if duration := re.fullmatch(r"(\d{1,9})([smhdw])", text):
        return max(0, now_ms - int(duration[1]) * SECONDS[duration[2]] * 1_000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a duration such as 30m, 12h or 7d nor a time in RFC 3339"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, int(moment.timestamp() * 1_000))
