"""What a value must be, in words, and the rules that span more than one key. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct, inspect

from streams.settings.door import door_problems
from streams.settings.effective import Settings
from streams.settings.problems import Problem, problem_at
from streams.settings.secret import SecretStr, shown
from streams.settings.security import security_problems

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
    yield from _kafka(settings)
    yield from security_problems(settings)
    yield from door_problems(settings)
    yield from _topics(settings)
    model, longest_ms = settings.model, settings.worker.progress_deadline_ms
    names = [name for name in (model.name, *model.further) if name]
    if model.also and (not model.name or len(set(names)) < len(names)):
        rule = "further models than model.name, which is set then, and each of them once"
        yield problem_at(settings, "model.also", rule, "set model.name to one of them, and leave it out here")
    if model.isolation == "process" and model.deadline_ms >= longest_ms:
        rule = f"below worker.progress_deadline_ms ({longest_ms}), after which the worker is taken for one that hangs"
        yield problem_at(settings, "model.deadline_ms", rule, "lower it, or raise worker.progress_deadline_ms")
    models = 1 + len(model.further)
    if model.challenger_budget_ms * models >= longest_ms:
        rule = (
            f"below worker.progress_deadline_ms ({longest_ms}) for all {models} models together: a batch waits for each"
        )
        yield problem_at(settings, "model.challenger_budget_ms", rule, "lower it, or raise worker.progress_deadline_ms")


def _kafka(settings: Settings) -> Iterator[Problem]:
    kafka = settings.kafka
    for name in sorted(kafka.client.keys() & OWNED_BY_WEIR.keys()):
        origin = str(settings.origin("kafka.client"))
        shown_value = shown(name, kafka.client[name])
        yield Problem(
            f"kafka.client.{name}", shown_value, origin, "Weir sets this property itself", OWNED_BY_WEIR[name]
        )


def _topics(settings: Settings) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for role, name in settings.topics.names.items():
        if name in seen:
            rule = f"topic names differ; topics.{seen[name]} has this one already"
            yield problem_at(settings, f"topics.{role}", rule, "give each topic a name of its own")
        seen.setdefault(name, role)


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
        case inspect.DictType(value_type=inspect.StructType(fields=fields)):
            keys = ", ".join(field.name for field in fields)
            return f"a table of names, each a table with the keys {keys}; in the environment a JSON object"
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
