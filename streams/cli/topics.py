"""`weir topics …`: create the topics, and check those that are there."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec import to_builtins

from streams.cli.options import ConfigOption, ExitCode, JsonOption
from streams.cli.output import print_json, say
from streams.settings import load_settings

# The Kafka client takes its time to import, so the commands do it.

topics_app = typer.Typer(no_args_is_help=True, help="Topics: create what is missing, check what is there.")


@topics_app.command()
def create(
    config: ConfigOption = None,
    partitions: Annotated[int, typer.Option(min=1, max=10_000, help="Of events and the topics that follow it.")] = 6,
    replication: Annotated[
        int | None, typer.Option(min=1, max=32, help="Copies of each partition. Default: the broker's own.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Create the topics that are missing; those that exist stay as they are."""
    from streams.kafka.client import check_client_config, client_config  # noqa: PLC0415
    from streams.kafka.topics import create_topics, default_plan  # noqa: PLC0415

    settings = load_settings(config)
    check_client_config(settings.kafka)
    plan = default_plan(
        settings.topics,
        partitions=partitions,
        replication=replication,
        label_window_s=settings.labels.window_s,
        learning=settings.learns,
    )
    created = create_topics(client_config(settings.kafka), plan)
    if as_json:
        print_json(to_builtins(created))
        return
    for each in created:
        typer.echo(f"{each.topic}: {each.partitions} partitions, {'created' if each.new else 'there already'}")


@topics_app.command()
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Compare the topics with what the contracts want; a finding says why, and what mends it. Exit 4 on findings."""
    from streams.kafka.client import check_client_config, client_config  # noqa: PLC0415
    from streams.kafka.topics import check_topics, default_plan  # noqa: PLC0415

    settings = load_settings(config)
    check_client_config(settings.kafka)
    plan = default_plan(settings.topics, label_window_s=settings.labels.window_s, learning=settings.learns)
    findings = check_topics(client_config(settings.kafka), plan)
    if as_json:
        print_json(to_builtins(findings))
    else:
        for each in findings:
            typer.echo(str(each))
        if not findings:
            say(f"{len(plan)} topics are as the contracts want them")
    if findings:
        raise typer.Exit(ExitCode.FINDINGS)
