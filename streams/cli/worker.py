"""`weir worker`: the service."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.cli.options import ConfigOption, ExitCode
from streams.cli.output import say
from streams.memory import share_one_arena
from streams.settings import load_settings
from streams.telemetry.log import configure_logging
from streams.workers.plan import MOST_WORKERS

BY_DEFAULT = ("predict", "drift", "labels", "learner")
ROLES = (*BY_DEFAULT, "http")


def worker(
    role: Annotated[str, typer.Option(help="What this process does, with commas between.")] = ",".join(BY_DEFAULT),
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=MOST_WORKERS, help="Processes that share the work, one a core.")
    ] = 1,
    config: ConfigOption = None,
) -> None:
    """Answer events, watch for drift, join labels, and learn where learning.version is set, until SIGTERM or Ctrl-C.
    With the role http: answer requests at http.port, too. With --workers: so many processes, each started again when
    it ends, behind one admin port.

    Exit codes: 0 stopped, 1 failed, 2 settings, 70 another worker took this slot over.
    """
    roles = tuple(dict.fromkeys(name.strip() for name in role.split(",") if name.strip()))
    unknown = [name for name in roles if name not in ROLES]
    if unknown or not roles:
        say(f"error: --role {role}: it takes {', '.join(ROLES)}, with commas between")
        raise typer.Exit(ExitCode.USAGE)

    if workers == 1:  # a supervisor needs no memory of that kind, and each of its workers does this itself
        share_one_arena()
    from streams.kafka.client import check_client_config  # noqa: PLC0415  # takes its time to import

    settings = load_settings(config)
    if roles == ("learner",) and not settings.learns:
        say("error: --role learner: nothing learns; set learning.version to an online model's and keep labels.enabled")
        raise typer.Exit(ExitCode.USAGE)
    check_client_config(settings.kafka)
    from streams.http.admission import check_identities  # noqa: PLC0415  # the same

    check_identities(settings)
    if "http" in roles:
        from streams.http.door_service import check_door  # noqa: PLC0415  # the same

        check_door(settings)
    if {"predict", "http"} & {*roles}:
        from streams.registry import registry_of  # noqa: PLC0415  # the same
        from streams.served_model import name_of  # noqa: PLC0415  # the same

        name_of(registry_of(settings.model), settings.model)  # which model answers is known, or said, before all else
    configure_logging()
    if workers > 1:
        from streams.supervisor import run_workers  # noqa: PLC0415  # the same

        raise typer.Exit(run_workers(settings, roles, workers, config))
    from streams.worker import run_worker  # noqa: PLC0415  # Faust, scikit-learn and River: only this command pays

    raise typer.Exit(run_worker(settings, roles))
