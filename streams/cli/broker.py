"""`weir broker`: the embedded broker in the foreground."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from streams.cli.options import ExitCode, JsonOption
from streams.cli.output import print_json, say
from streams.demo.broker import EmbeddedBroker


def broker(
    port: Annotated[int, typer.Option(help="Port of 127.0.0.1; 0 takes a free one.", min=0, max=65_535)] = 9092,
    as_json: JsonOption = False,
) -> None:
    """Run the embedded broker until Ctrl-C. It keeps its records in memory and forgets them at the end."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with EmbeddedBroker(port=port) as running:
        address = running.bootstrap_servers
        if as_json:
            print_json({"bootstrap_servers": address})
        else:
            typer.echo(address)
        say(
            f"The embedded broker listens on {address}; Ctrl-C stops it, and nothing is kept.\n"
            f"Next: WEIR_KAFKA__BOOTSTRAP_SERVERS={address} weir topics create\n"
            "For trying things out: after an aborted transaction, as by a killed worker, readers may miss the rest."
        )
        while not stop.wait(0.2):
            if running.process is None or running.process.poll() is not None:
                say("the embedded broker ended by itself; fix: start it again")
                raise typer.Exit(ExitCode.FAILED)
