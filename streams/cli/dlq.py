"""`weir dlq …`: what was not answered and why, and sending it in again."""

from __future__ import annotations

import time
from typing import Annotated, TypeAlias

import typer

from streams.cli.alerts import SinceOption, parse_since
from streams.cli.options import ConfigOption, ExitCode, JsonOption
from streams.cli.output import print_json, say
from streams.contracts import Reason
from streams.dead_letters.groups import Groups
from streams.dead_letters.wanted import Wanted
from streams.settings import load_settings

# The Kafka client takes its time to import, so the commands do it.

dlq_app = typer.Typer(no_args_is_help=True, help="Dead letters: why events were not answered; send them in again.")

ReasonsOption: TypeAlias = Annotated[
    list[Reason] | None, typer.Option("--reason", help="Only these reasons; may be given several times.")
]
ModelsOption: TypeAlias = Annotated[
    list[str] | None, typer.Option("--model", help="Only of these models; may be given several times.")
]
FieldsOption: TypeAlias = Annotated[
    list[str] | None, typer.Option("--field", help="Only about these fields of the event, such as a feature.")
]


@dlq_app.command("list")
def list_letters(
    since: SinceOption = None,
    reason: ReasonsOption = None,
    model: ModelsOption = None,
    field: FieldsOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Groups shown, the largest first.")] = 20,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count dead letters by reason, field and model, with an example of each group."""
    from streams.cli.dlq_scan import Scan  # noqa: PLC0415
    from streams.cli.dlq_words import group_fields, group_lines, tally  # noqa: PLC0415
    from streams.kafka.client import client_config  # noqa: PLC0415
    from streams.kafka.reading import TopicReader  # noqa: PLC0415
    from streams.kafka.redriving import read_marks  # noqa: PLC0415

    settings = load_settings(config)
    client, topic = client_config(settings.kafka), settings.topics.name("dead_letters")
    groups = Groups()
    with TopicReader(client, topic, since_ms=_since_ms(since)) as reader:
        marks = read_marks(client, settings.topics.name("state"), topic)
        scan = Scan(reader)
        for letter in scan.letters(wanted(reason, model, field)):
            groups.add(letter, redriven=letter.place in marks)
    found = groups.largest_first()
    if as_json:
        counts = {"letters": groups.letters, "redriven": groups.redriven, "not_of_weir": scan.strangers}
        print_json({"topic": topic, **counts, "groups": [group_fields(group) for group in found[:limit]]})
        return
    for line in group_lines(found[:limit]):
        typer.echo(line)
    hidden = max(0, len(found) - limit)
    more = [(groups.redriven, "sent in again"), (hidden, "more groups (--limit)"), (scan.strangers, "not of Weir")]
    say(", ".join(filter(None, [f"{groups.letters:,} dead letters", tally(more)])))
    if found:
        say(f"look at one: weir dlq show {group_fields(found[0])['example']['dead_letter']}")


@dlq_app.command()
def show(
    place: Annotated[str, typer.Argument(metavar="PARTITION:OFFSET", help="As `weir dlq list` tells it.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one dead letter: why, what to do, its headers and the event's bytes. Exit 1 if there is none."""
    from streams.cli.dlq_scan import find_letter, letter_of  # noqa: PLC0415
    from streams.cli.dlq_words import letter_fields, letter_lines  # noqa: PLC0415
    from streams.kafka.client import client_config  # noqa: PLC0415
    from streams.kafka.redriving import read_marks  # noqa: PLC0415

    partition, offset = _numbers(place)
    settings = load_settings(config)
    client, topic = client_config(settings.kafka), settings.topics.name("dead_letters")
    record = find_letter(client, topic, partition, offset)
    letter = None if record is None else letter_of(record)
    if letter is None:
        what = "is no dead letter of Weir" if record else "is not there: retention removed it, or it never was"
        say(f"error: {partition}:{offset} of {topic} {what}; `weir dlq list` shows examples that are there")
        raise typer.Exit(ExitCode.FAILED)
    redriven = letter.place in read_marks(client, settings.topics.name("state"), topic)
    if as_json:
        print_json(letter_fields(letter, redriven=redriven))
        return
    for line in letter_lines(letter, redriven=redriven):
        typer.echo(line)


@dlq_app.command()
def redrive(
    since: SinceOption = None,
    reason: ReasonsOption = None,
    model: ModelsOption = None,
    field: FieldsOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Send so many at most, the oldest first.")] = None,
    rate: Annotated[float, typer.Option(min=0.1, max=100_000, help="Events a second.")] = 100,
    yes: Annotated[bool, typer.Option("--yes", help="Send them. Without it only says what would be sent.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send dead letters in again as the events that they were: same bytes, key and partition. Each once, for ever.

    Exit codes: 0 done, 1 the broker refused some, 70 another redrive took over.
    """
    from streams.cli.dlq_redrive import RedriveArguments, run  # noqa: PLC0415

    chosen = wanted(reason, model, field)
    run(RedriveArguments(chosen, _since_ms(since), limit, rate, yes), load_settings(config), as_json=as_json)


def wanted(reasons: list[Reason] | None, models: list[str] | None, fields: list[str] | None) -> Wanted:
    return Wanted(frozenset(reasons or ()), frozenset(models or ()), frozenset(fields or ()))


def _since_ms(since: str | None) -> int | None:
    return None if since is None else parse_since(since, time.time_ns() // 1_000_000)


def _numbers(place: str) -> tuple[int, int]:
    partition, _, offset = place.partition(":")
    if not all(each.isdecimal() and each.isascii() and len(each) <= 18 for each in (partition, offset)):
        raise typer.BadParameter(f"{place!r} is no place such as 3:17")
    if int(partition) >= 2**31:
        raise typer.BadParameter(f"{place!r} has a partition that no topic has")
    return int(partition), int(offset)
