"""`weir doctor`: what is wrong with a set-up, and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from streams.cli.doctor_roles import roles_of
from streams.cli.options import ConfigOption, ExitCode, JsonOption
from streams.cli.output import print_json, say
from streams.cli.worker import BY_DEFAULT
from streams.settings import load_settings
from streams.telemetry.escape import printable

if TYPE_CHECKING:
    from streams.cli.doctor_work import Report


def doctor(
    role: Annotated[str, typer.Option(help="What workers do here, with commas between.")] = ",".join(BY_DEFAULT),
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at broker, topics, groups, events, models, rights, ports, files and certificates; each finding has its fix.

    Writes nothing and joins no group. Exit 4 on findings, 3 where the broker does not answer.
    """
    roles = roles_of(role)
    from streams.cli.doctor_work import examine  # noqa: PLC0415  # the Kafka client and scikit-learn: who asks pays

    report = examine(load_settings(config), roles)
    print_json(msgspec.to_builtins(report)) if as_json else _print(report)
    if not report.reachable:
        raise typer.Exit(ExitCode.UNREACHABLE)
    if report.findings:
        raise typer.Exit(ExitCode.FINDINGS)


def _print(report: Report) -> None:
    for each in report.findings:
        typer.echo(f"{each.severity.upper():8} {each.check}: {printable(each.what)}")
        for name, text in (("where", each.where), ("cause", each.cause), ("fix", each.fix)):
            typer.echo(f"  {name:6} {printable(text)}")
    for skipped in report.not_checked:
        say(f"not checked: {skipped.check}: {skipped.why}")
    count = len(report.findings)
    say(f"{count or 'no'} finding{'' if count == 1 else 's'} in {', '.join(report.checked)}")
