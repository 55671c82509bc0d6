"""`weir config …`: the settings in effect, and where each of them came from."""

from __future__ import annotations

from typing import Any, NamedTuple

import typer
from msgspec import structs

from streams.cli.options import ConfigOption, JsonOption
from streams.cli.output import print_json, say
from streams.settings import Settings, load_settings, masked, variable_of
from streams.settings.effective import TABLES

config_app = typer.Typer(no_args_is_help=True, help="Settings: which are in effect, and why.")


class EffectiveSetting(NamedTuple):
    """One line of the explanation; secrets are masked. `where`: the file or variable, empty for a default."""

    key: str
    value: Any
    source: str
    where: str
    variable: str


@config_app.callback()
def config() -> None:
    """Settings: which are in effect, and why."""


@config_app.command()
def explain(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Every setting with its value and its origin: default, file or environment. Bad ones are all reported, exit 2."""
    settings = load_settings(config)
    for note in settings.notes:
        say(f"note: {note}")
    _check_properties(settings)
    rows = effective_settings(settings)
    if as_json:
        print_json([row._asdict() for row in rows])
    else:
        _print_table(rows)


def effective_settings(settings: Settings) -> list[EffectiveSetting]:
    """Every key in the order of the tables."""
    rows = []
    for table in TABLES:
        for name, value in structs.asdict(getattr(settings, table)).items():
            key = f"{table}.{name}"
            origin = settings.origin(key)
            rows.append(
                EffectiveSetting(key, _plain(masked(key, value)), origin.source.value, origin.where, variable_of(key))
            )
    return rows


def _check_properties(settings: Settings) -> None:
    from streams.kafka.client import check_client_config  # noqa: PLC0415  # the Kafka client takes its time to import

    check_client_config(settings.kafka)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str, dict, list)) else str(value)


def _print_table(rows: list[EffectiveSetting]) -> None:
    """The file's own notation, with the origin as a comment: what is printed can be pasted into a pipeline.toml."""
    table = ""
    for row in rows:
        name, _, key = row.key.partition(".")
        if name != table:
            typer.echo(f"{'' if not table else chr(10)}[{name}]")
            table = name
        origin = f"{row.source} {row.where}".strip()
        line = f"{key} = {toml(row.value)}" if row.value is not None else f"# {key} is not set"
        typer.echo(f"{line:<48} # {origin}" if row.value is not None else line)


def toml(value: Any) -> str:
    """A value in TOML's notation."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{toml(str(key))} = {toml(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case str():
            return '"' + "".join(_toml_character(c) for c in value) + '"'
    return str(value)


def _toml_character(c: str) -> str:
    if c in '"\\':
        return f"\\{c}"
    return c if c.isprintable() else f"\\U{ord(c):08x}"
