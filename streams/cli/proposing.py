"""Propose a command to the controller, and tell what became of it."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated, Any

import typer

from streams.cli.options import ExitCode
from streams.cli.output import print_json, say
from streams.control_records import Answer, Command
from streams.serving_commands import POLICY
from streams.settings import load_settings

ANSWER_S = 30.0
"""A worker answers within a second; one that starts or takes a dead one's place needs longer."""

AuthorOption = Annotated[str | None, typer.Option("--author", help="Who decides. Default: the user of this system.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for whoever reads it later.")]


def author_of(author: str | None) -> str:
    """The one given, or who runs this; not the name that the drift worker decides challenges by."""
    if not author:
        try:
            author = getpass.getuser()
        except (KeyError, OSError):  # a container's user may have no name
            why = "this system's user has no name; say who decides"
            raise typer.BadParameter(why, param_hint="--author") from None
    if author == POLICY:
        why = f"{POLICY} is the drift worker, where a challenge is decided; say who decides"
        raise typer.BadParameter(why, param_hint="--author")
    return author


def propose(model: str, command: Command, config: Path | None, *, as_json: bool) -> None:
    """Publish a command, wait for the answers, tell them; and exit 1 if it was refused, 3 if nobody answered."""
    from streams.kafka import proposals  # noqa: PLC0415  # the Kafka client takes its time to import
    from streams.kafka.client import client_config  # noqa: PLC0415

    settings = load_settings(config)
    topic = settings.topics.name("control")
    setting, proposal_id, last, revision = proposals.propose(
        client_config(settings.kafka), topic, model, command, ANSWER_S
    )
    is_final = proposals.is_obeyed_later(command)
    if as_json:
        print_json(_report(setting, proposal_id, last, revision))
    else:
        say(_words(last, is_final))
    if last is None or (last.outcome == "accepted" and not is_final):
        raise typer.Exit(ExitCode.UNREACHABLE)
    if last.outcome == "refused":
        raise typer.Exit(ExitCode.FAILED)


def _report(setting: str, proposal_id: str, last: Answer | None, revision: int | None) -> dict[str, Any]:
    outcome = last.outcome if last else "unanswered"
    return {
        "setting": setting,
        "id": proposal_id,
        "outcome": outcome,
        "why": last.why if last else "",
        "revision": revision,
    }


def _words(last: Answer | None, is_final: bool) -> str:
    likely = "likely cause: no worker with the role drift runs, or it is behind; look at `weir status`"
    if last is None:
        return (
            f"unanswered: nobody took the proposal within {ANSWER_S:g} s; {likely}; "
            "it stays in the topic and is decided once one runs"
        )
    if last.outcome == "accepted" and is_final:
        return f"accepted: {last.why}; each worker changes over between two of its batches, as `weir status` shows"
    if last.outcome == "accepted":
        return f"accepted ({last.why}), and not yet applied after {ANSWER_S:g} s; {likely}; it is applied once one runs"
    return f"{last.outcome}: {last.why}"
