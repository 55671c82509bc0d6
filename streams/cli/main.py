"""The command `weir`: its groups, and how an error becomes an exit code."""

from __future__ import annotations

import traceback
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from streams.cli.alert_commands import ack, silence
from streams.cli.alerts import alerts_app
from streams.cli.broker import broker
from streams.cli.config import config_app
from streams.cli.contracts import contracts_app
from streams.cli.demo import demo
from streams.cli.dlq import dlq_app
from streams.cli.doctor import doctor
from streams.cli.drift import drift_app
from streams.cli.key import key_app
from streams.cli.model_challenge import model_app
from streams.cli.options import ExitCode
from streams.cli.output import say
from streams.cli.predict import predict
from streams.cli.rebaseline import rebaseline
from streams.cli.replay import replay
from streams.cli.status import status
from streams.cli.top import top
from streams.cli.topics import topics_app
from streams.cli.why import why
from streams.cli.worker import worker

EXAMPLES = """\
Examples:
  weir demo                                   see it work: broker, model, events, drift, alert
  weir topics create                          make the topics on your Kafka
  weir model add model.skops --name churn --data train.csv --target churned
  weir worker --config pipeline.toml          answer events
  weir predict rows.parquet answers.parquet   answer the rows of a file
  weir replay --since 1h --version 3 --compare   what would another version have answered
  weir alerts --follow                        what drifted, since when, how much
  weir status                                 is it running, is it keeping up
  weir top                                    all workers, live
  weir doctor                                 what is wrong with this set-up, and what mends it
  weir why e-17 --since 2h                    what became of one event
  weir dlq list                               what was not answered, and why
  weir contracts export --out contracts       schemas, AsyncAPI, OpenAPI and a page of them
  weir drift try --data rows.csv --out drift.html   what drifts in a file, with a picture
"""


class Weir(TyperGroup):
    """Examples first; `--debug` anywhere; an exception becomes a message and an exit code."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        typer.echo(EXAMPLES)
        super().format_help(ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        if "--debug" in args[:end]:
            args = ["--debug", *(one for one in args[:end] if one != "--debug"), *args[end:]]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            if _belongs_to_typer(error) or isinstance(error, BrokenPipeError):
                raise  # `weir … | head` is nobody's mistake; typer ends quietly
            if ctx.params.get("debug"):
                say(traceback.format_exc())
            say(_message(error))
            raise typer.Exit(int(getattr(error, "exit_code", ExitCode.FAILED))) from error


app = typer.Typer(
    cls=Weir,
    help="Streaming inference on Kafka: every event answered or named with a reason, and drift alerts that explain.",
    epilog="Exit codes: 0 done, 1 failed, 2 usage or settings, 3 not reachable, 4 findings, 70 fenced.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command()(worker)
app.command()(predict)
app.command()(replay)
app.add_typer(topics_app, name="topics")
app.add_typer(model_app, name="model")
drift_app.command()(rebaseline)
app.add_typer(drift_app, name="drift")
alerts_app.command()(ack)
alerts_app.command()(silence)
app.add_typer(alerts_app, name="alerts")
app.add_typer(dlq_app, name="dlq")
app.add_typer(key_app, name="key")
app.command()(status)
app.command()(top)
app.command()(why)
app.command()(doctor)
app.command()(broker)
app.add_typer(config_app, name="config")
app.add_typer(contracts_app, name="contracts")


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"weir {version('weir-streaming')}")
        raise typer.Exit


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, help="Show the version.", is_eager=True)
    ] = False,
) -> None:
    """Options of every command; `Weir.invoke` reads `debug`."""


def main() -> None:
    """The entry point of the distribution."""
    app(prog_name="weir")


def _belongs_to_typer(error: Exception) -> bool:
    return type(error).__module__.startswith("typer")


def _message(error: Exception) -> str:
    """Our own errors say what, where and how to fix it; of others the kind is part of what happened."""
    ours = type(error).__module__.partition(".")[0] in {"streams", "models", "drift"}
    if ours:
        return f"error: {error}"
    return f"error: {type(error).__name__}: {error}\n(`--debug` shows where it came from)"
