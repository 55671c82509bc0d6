"""`weir status`: is it running, is it keeping up, what is wrong."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, TypeAlias
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from streams.cli.alerts import newest_states
from streams.cli.cards import is_firing, signal_of
from streams.cli.options import ConfigOption, JsonOption
from streams.cli.output import print_json, say
from streams.control_records import decode_served, model_setting
from streams.draining import SHORTEST_S
from streams.registry import registry_of
from streams.settings import Settings, load_settings
from streams.sources import SOURCES

BROKER_PATIENCE_S = 4.0
WORKER_PATIENCE_S = 1.0
WORKER_PORTS = 10
"""Workers on one host take the admin port and those after it."""

KEY_VARIABLE = "WEIR_API_KEY"
"""A key with the scope read, for a worker whose admin port takes one."""

AdviceOption: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--advice",
        metavar="SECONDS",
        min=SHORTEST_S,
        max=600,
        help="Watch the lag so long: time to drain, workers needed.",
    ),
]


def status(advice: AdviceOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show brokers, topics, groups and their lag, workers, models and alerts. Exit 3 if the broker does not answer."""
    from streams.kafka.client import BrokerUnreachable  # noqa: PLC0415  # the Kafka client takes its time to import

    settings = load_settings(config)
    report: dict[str, Any] = {
        "kafka": {"bootstrap_servers": settings.kafka.bootstrap_servers, "reachable": True},
        "workers": find_workers(settings),
        "models": active_models(settings),
    }
    unreachable: BrokerUnreachable | None = None
    try:
        report |= kafka_report(settings, advice)
    except BrokerUnreachable as error:
        unreachable = error
        report["kafka"]["reachable"] = False
    print_json(report) if as_json else _print(report)
    if unreachable is not None:
        raise unreachable


def kafka_report(settings: Settings, advice_s: float | None = None) -> dict[str, Any]:
    """What only the broker knows: findings about topics, each role's progress, firing alerts. `advice_s`: read the
    progress again after so long, and tell what came of it.

    Raises BrokerUnreachable.
    """
    from streams.kafka.client import TopicMissing, client_config  # noqa: PLC0415
    from streams.kafka.reading import TopicReader  # noqa: PLC0415
    from streams.kafka.topics import check_topics, default_plan  # noqa: PLC0415

    client = client_config(settings.kafka)
    plan = default_plan(settings.topics, label_window_s=settings.labels.window_s, learning=settings.learns)
    findings = check_topics(client, plan, timeout_s=BROKER_PATIENCE_S)
    roles = _roles(settings, advice_s)
    try:
        with TopicReader(client, settings.topics.name("alerts")) as reader:
            alerts = newest_states((record.key, record.value) for record in reader.to_end())
    except TopicMissing:
        alerts = []
    challenges = challenged_models(client, settings.topics.name("control"))
    firing = [
        {name: alert.get(name) for name in ("alert_id", "severity", "state", "model", "signal", "detected_at")}
        for alert in alerts
        if is_firing(alert)
    ]
    found = {"findings": msgspec.to_builtins(findings)}
    return {"topics": found, "roles": roles, "challenges": challenges, "alerts": {"firing": firing}}


def _roles(settings: Settings, advice_s: float | None) -> list[dict[str, Any]]:
    from streams.cli.lag import lag_of_roles  # noqa: PLC0415
    from streams.kafka.client import TopicMissing  # noqa: PLC0415

    found = lag_of_roles(
        settings, {name: source for name, source in SOURCES.items() if name != "learner" or settings.learns}, advice_s
    )
    return [
        {"role": role, "topic": lag.topic, "missing": True}
        if isinstance(lag, TopicMissing)
        else {
            "role": role,
            **msgspec.to_builtins(lag.progress),
            "lag": lag.progress.lag,
            **({} if lag.advice is None else {"advice": {**msgspec.to_builtins(lag.advice), "text": str(lag.advice)}}),
        }
        for role, lag in found.items()
    ]


def challenged_models(client: dict[str, Any], control_topic: str) -> list[dict[str, Any]]:
    """Models whose version that answers is challenged, with the challenger."""
    from streams.kafka.client import TopicMissing  # noqa: PLC0415
    from streams.kafka.reading import read_topic  # noqa: PLC0415

    prefix = model_setting("").encode()
    served: dict[bytes, bytes | None] = {}
    with contextlib.suppress(TopicMissing):
        served.update(
            (record.key, record.value)
            for record in read_topic(client, control_topic)
            if record.key is not None and record.key.startswith(prefix)
        )
    found = []
    for key, value in served.items():
        with contextlib.suppress(msgspec.MsgspecError):
            versions = decode_served(value or b"")
            if versions.challenger is not None:
                challenger = msgspec.structs.asdict(versions.challenger)
                found.append({"name": key.removeprefix(prefix).decode(), "active": versions.active, **challenger})
    return found


def active_models(settings: Settings) -> list[dict[str, Any]]:
    """The versions that the registry marks as active, and those that cannot be read."""
    wanted = {settings.model.name, *settings.model.further}
    return [
        {"name": entry.name, "version": entry.version, "active": entry.active, "problem": entry.problem}
        for entry in registry_of(settings.model).entries()
        if (entry.active or entry.problem) and (None in wanted or entry.name in wanted)
    ]


def find_workers(settings: Settings) -> list[dict[str, Any]]:
    """The workers on the admin host that answer on the admin port or the next ones, and belong to this group."""
    address = reached_at(settings.admin.host)
    urls = [
        f"http://{address}:{port}"
        for port in range(settings.admin.port, min(settings.admin.port + WORKER_PORTS, 65_536))
    ]
    with ThreadPoolExecutor(len(urls)) as pool:
        # The key goes where the settings say alone: on the next ports may be anybody of this machine.
        answers = list(pool.map(_ask, urls, [os.environ.get(KEY_VARIABLE), *[None] * (len(urls) - 1)]))
    return [
        {"url": url, **answer}
        for url, answer in zip(urls, answers, strict=True)
        if answer is not None and answer.get("group") == settings.kafka.group
    ]


def reached_at(host: str) -> str:
    """The host of a URL for what listens on `host` of this machine."""
    wildcards = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared, not bound
    host = wildcards.get(host, host)
    return f"[{host}]" if ":" in host else host


def _ask(url: str, key: str | None) -> dict[str, Any] | None:
    request = Request(f"{url}/status", headers={"Authorization": f"Bearer {key}"} if key else {})  # noqa: S310  # http
    try:
        with urlopen(request, timeout=WORKER_PATIENCE_S) as response:  # noqa: S310  # http, built above
            answer: Any = msgspec.json.decode(response.read(1_000_000))
    except HTTPError as error:
        if error.code in (401, 403):
            say(f"{url} takes a key with the scope read: set {KEY_VARIABLE}, and admin.port to this port")
        return None
    except (OSError, ValueError, msgspec.DecodeError):
        return None
    return answer if isinstance(answer, dict) else None


def _print(report: Mapping[str, Any]) -> None:
    console = Console(highlight=False, markup=False)
    reachable = "reachable" if report["kafka"]["reachable"] else "NOT REACHABLE"
    typer.echo(f"kafka     {report['kafka']['bootstrap_servers']} {reachable}")
    for model in report["models"]:
        typer.echo(f"model     {model['name']} {model['version']}{_remark(model['problem'])}")
    for worker in report["workers"]:
        flags = ", ".join(name if worker.get(name) else f"NOT {name}" for name in ("live", "ready"))
        typer.echo(f"worker    {worker['url']} {flags}{_remark(worker.get('reason'))}")
        for each in worker.get("workers", ()):
            flags = ", ".join(name if each.get(name) else f"NOT {name}" for name in ("live", "ready"))
            again = f", ended {each['ends']} times by itself" if each["ends"] else ""
            typer.echo(f"          {each['worker']}: slot {each['slot']}, {flags}{again}")
    if not report["workers"]:
        say("no worker answers on this host; start one with `weir worker`")
    if "roles" in report:
        console.print(_roles_table(report["roles"]))
        for role in report["roles"]:
            if "advice" in role:
                typer.echo(f"lag       {role['role']}: {role['advice']['text']}")
        for each in report["challenges"]:
            what = f"answers {each['share']:.1%} of the keys" if each["share"] else "in its shadow"
            typer.echo(f"challenge {each['name']} {each['active']}: by {each['version']}, {what}")
        for alert in report["alerts"]["firing"]:
            typer.echo(
                f"alert     {alert['severity']} {alert['model']}: {signal_of(alert)} since {alert['detected_at']}"
            )
        for finding in report["topics"]["findings"]:
            typer.echo(
                f"topic     {finding['topic']}: {finding['what']} is {finding['found']}, wanted {finding['wanted']}"
            )


def _roles_table(roles: Iterable[Mapping[str, Any]]) -> Table:
    table = Table("role", "group", "topic", "state", "members", "partitions", "lag", box=None, pad_edge=False)
    for role in roles:
        if role.get("missing"):
            table.add_row(role["role"], "", role["topic"], "topic missing", "", "", "")
        else:
            cells = [role["group"], role["topic"], role["state"], role["members"], len(role["partitions"]), role["lag"]]
            table.add_row(role["role"], *map(str, cells))
    return table


def _remark(text: str | None) -> str:
    return f" ({text})" if text else ""
