"""`weir top`: all workers, live."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live

from streams.cli.options import ConfigOption, JsonOption
from streams.cli.output import print_json
from streams.cli.top_screen import top_view
from streams.settings import load_settings


def top(
    once: Annotated[bool, typer.Option("--once", help="Show the state of now, and end.")] = False,
    interval: Annotated[float, typer.Option(min=0.5, max=3_600, help="Seconds from one state to the next.")] = 2.0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Throughput, latency, lag, dead letters, models and alerts of all workers, until Ctrl-C.

    It reads what workers tell of themselves in the topic `figures`. With --json, or where stdout is no terminal, one
    state follows the other.
    """
    from streams.cli.top_feed import Top  # noqa: PLC0415  # the Kafka client takes its time to import

    stop = threading.Event()
    own = Top(load_settings(config), stop)
    console = Console(highlight=False, markup=False)
    try:
        if once:
            _show([own.state()], console, as_json=as_json)
        elif as_json or not console.is_terminal:
            _show(own.states(interval), console, as_json=as_json)
        else:
            _watch(own.states(interval), console)
    finally:
        stop.set()


def _show(states: Iterable[dict[str, Any]], console: Console, *, as_json: bool) -> None:
    for state in states:
        print_json(state) if as_json else console.print(top_view(state))


def _watch(states: Iterable[dict[str, Any]], console: Console) -> None:
    with Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False) as live:
        for state in states:
            live.update(top_view(state), refresh=True)
