"""`weir demo`: the whole service at work, with one command."""

from __future__ import annotations

import random
from typing import Annotated

import typer

from streams.cli.options import ExitCode, JsonOption
from streams.cli.output import print_json, say
from streams.cli.process_start import started_ms
from streams.demo.sandbox import BrokerChoice

MOST_SEED = 2**32 - 1


def demo(
    duration: Annotated[
        float | None, typer.Option(min=1, metavar="S", help="Seconds of events. Default: until Ctrl-C.")
    ] = None,
    rate: Annotated[float, typer.Option(min=1, max=100_000, help="Events a second.")] = 2_000,
    drift_at: Annotated[float, typer.Option(min=0, metavar="S", help="A sensor drifts after so many seconds.")] = 20,
    seed: Annotated[
        int | None, typer.Option(min=0, max=MOST_SEED, help="Decides halves, order and sensor. Default: random.")
    ] = None,
    broker: Annotated[
        BrokerChoice, typer.Option(help="The one to start; kafka is Apache Kafka, and needs Java.")
    ] = BrokerChoice.EMBEDDED,
    bootstrap_servers: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Your Kafka instead, under a random prefix; what was made there is deleted. Security: WEIR_KAFKA__*.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """See it work: broker, model, events, predictions, drift, alert. Nothing is left of it.

    Exit 0 only if every event was answered exactly once. With --json the last line of stdout is one object.
    """
    command_at_ms = started_ms()
    # The Kafka client, numpy and rich's live display take their time: only this command pays for them.
    from streams.demo.interrupts import Interrupts  # noqa: PLC0415
    from streams.demo.run import DemoOptions, run_demo  # noqa: PLC0415
    from streams.demo.screen import make_screen  # noqa: PLC0415
    from streams.demo.summary import in_words  # noqa: PLC0415

    options = DemoOptions(
        duration_s=duration,
        rate=rate,
        drift_at_s=drift_at,
        seed=random.randint(0, MOST_SEED) if seed is None else seed,
        broker=broker,
        bootstrap_servers=bootstrap_servers,
    )
    with Interrupts() as interrupts, make_screen() as screen:
        summary, counts = run_demo(options, screen, interrupts, command_at_ms)
    words = in_words(summary, counts)
    if as_json:
        say(words)
        print_json(summary)
    else:
        typer.echo(words)
    if not counts.balanced:
        raise typer.Exit(ExitCode.FAILED)
