"""What a value must be, in words, and the rules that span more than one key. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, inspect

from streams.settings.effective import Settings
from streams.settings.problems import Problem
from streams.settings.secret import SecretStr, shown

NOT_YET = {
    "kafka.delivery": ("at_least_once", "exactly_once"),
    "model.isolation": ("process", "thread"),
}
"""Values that the contract names and this release cannot do, with the one that it can."""

OWNED_BY_WEIR = {
    "bootstrap.servers": "set kafka.bootstrap_servers instead",
    "session.timeout.ms": "set kafka.session_timeout_ms instead",
    "group.id": "set kafka.group instead",
    "group.instance.id": "set worker.slot instead",
    "transactional.id": "set worker.slot instead",
    **dict.fromkeys(
        (
            "group.protocol",
            "partition.assignment.strategy",
            "enable.auto.commit",
            "enable.auto.offset.store",
            "auto.offset.reset",
            "isolation.level",
            "enable.idempotence",
            "enable.partition.eof",
            "transaction.timeout.ms",
            "acks",
            "request.required.acks",
        ),
        "remove it: exactly-once delivery depends on the value that Weir sets",
    ),
}
"""librdkafka properties that kafka.client may not override, and what to do instead."""


def rule_of(table: type[Struct], key: str) -> str:
    """What the value of a key must be, such as ``a whole number from 0 to 65535``."""
    info = inspect.type_info(table)
    assert isinstance(info, inspect.StructType)
    return _in_words(next(field.type for field in info.fields if field.name == key))


def across_keys(settings: Settings) -> Iterator[Problem]:
    """Problems of settings that are fine one by one."""
    for key, (value, instead) in NOT_YET.items():
        if _value(settings, key) == value:
            rule = f"{value} comes with a later release; this one can only do {instead}"
            yield _problem(settings, key, rule, f'set {key} = "{instead}", or leave it out')
    yield from _kafka(settings)
    yield from _topics(settings)


def _kafka(settings: Settings) -> Iterator[Problem]:
    kafka = settings.kafka
    for name in sorted(kafka.client.keys() & OWNED_BY_WEIR.keys()):
        origin = str(settings.origin("kafka.client"))
        shown_value = shown(name, kafka.client[name])
        yield Problem(
            f"kafka.client.{name}", shown_value, origin, "Weir sets this property itself", OWNED_BY_WEIR[name]
        )
    if not kafka.security_protocol.startswith("sasl"):
        if kafka.sasl_mechanism is not None:
            rule = "SASL needs kafka.security_protocol sasl_ssl or sasl_plaintext"
            yield _problem(settings, "kafka.sasl_mechanism", rule, 'set kafka.security_protocol = "sasl_ssl"')
    elif kafka.sasl_mechanism is None:
        rule = f"required with kafka.security_protocol {kafka.security_protocol}"
        yield _problem(settings, "kafka.sasl_mechanism", rule, 'set it, for example to "SCRAM-SHA-512"')
    elif kafka.sasl_mechanism == "PLAIN" or kafka.sasl_mechanism.startswith("SCRAM"):
        for key in ("sasl_username", "sasl_password"):
            if getattr(kafka, key) is None:
                rule = f"required with kafka.sasl_mechanism {kafka.sasl_mechanism}"
                fix = "set it" if key == "sasl_username" else "set it, or kafka.sasl_password_file"
                yield _problem(settings, f"kafka.{key}", rule, fix)
    for key in ("ssl_ca_location", "ssl_certificate_location", "ssl_key_location"):
        location: Path | None = getattr(kafka, key)
        if location is not None and not location.exists():
            yield _problem(settings, f"kafka.{key}", "a file that exists", "correct the path, or mount the file")


def _topics(settings: Settings) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for role, name in settings.topics.names.items():
        if name in seen:
            rule = f"topic names differ; topics.{seen[name]} has this one already"
            yield _problem(settings, f"topics.{role}", rule, "give each topic a name of its own")
        seen.setdefault(name, role)


def _problem(settings: Settings, key: str, rule: str, fix: str) -> Problem:
    return Problem(key, shown(key, _value(settings, key)), str(settings.origin(key)), rule, fix)


def _value(settings: Settings, key: str) -> Any:
    table, _, name = key.partition(".")
    return getattr(getattr(settings, table), name)


def _in_words(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            return (extra or {}).get("description") or _in_words(inner)
        case inspect.UnionType(types=types):
            return " or ".join(_in_words(one) for one in types if not isinstance(one, inspect.NoneType))
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(sorted(map(str, values)))
        case inspect.IntType(ge=low, le=high):
            return f"a whole number{_bounds(low, high)}"
        case inspect.FloatType(gt=low, le=high):
            return "a number" + (f" above {low:g}" if low is not None else "") + (f", at most {high:g}" if high else "")
        case inspect.BoolType():
            return "true or false"
        case inspect.StrType(min_length=length):
            return "text, not empty" if length else "text"
        case inspect.DictType():
            return "a table of names and plain values; in the environment a JSON object"
        case inspect.StructType(fields=fields):
            keys = ", ".join(field.name for field in fields)
            return f"a table with the keys {keys}; in the environment a JSON object"
        case inspect.CustomType(cls=cls):
            return "text" if cls is SecretStr else "a path"
    raise TypeError(f"no words for {kind}")


def _bounds(low: int | None, high: int | None) -> str:
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f", at least {low}" if low is not None else ""
