"""Where a demo takes place: a folder, a Kafka and names of its own, and nothing left of them afterwards."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from streams.demo.broker import EmbeddedBroker, LocalBroker, LocalKafka
from streams.settings import Settings, load_settings, variable_of

PARTITIONS = 3
SESSION_TIMEOUT_MS = 6_000
RETENTION_MS = 600_000
"""The embedded broker keeps its records in memory, and a demo may run all day."""


class BrokerChoice(StrEnum):
    """Which broker the demo starts."""

    EMBEDDED = "embedded"
    KAFKA = "kafka"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """`environ` is the worker's, and `settings` what it makes of it; `folder` is the only place written to."""

    folder: Path
    settings: Settings
    environ: Mapping[str, str]

    @property
    def registry(self) -> Path:
        return self.settings.model.registry

    def topic_names(self) -> list[str]:
        return list(self.settings.topics.names.values())


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="weir-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def local_broker(choice: BrokerChoice) -> LocalBroker:
    """A broker to start. Kafka's jars are kept for the next time in the user's cache, or where WEIR_KAFKA_JARS says."""
    if choice is BrokerChoice.EMBEDDED:
        return EmbeddedBroker()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return LocalKafka(cache=Path(cache) / "weir" / "kafka")


def make_sandbox(folder: Path, model: str, bootstrap_servers: str, *, foreign: bool) -> Sandbox:
    """Settings for a demo in this folder, on this Kafka. On a `foreign` one (the user's) every name is random, and
    security comes from the user's WEIR_KAFKA__* variables; no other setting of the user's has a say.

    Raises SettingsError.
    """
    run = secrets.token_hex(4)
    own = {
        "kafka.bootstrap_servers": bootstrap_servers,
        "kafka.session_timeout_ms": str(SESSION_TIMEOUT_MS),
        "model.registry": str(folder / "registry"),
        "model.name": model,
        "worker.state_dir": str(folder / "state"),
        "worker.slot": "demo-0",
        "drift.allowed_lateness_ms": "500",
    }
    if foreign:
        own |= {"kafka.group": f"weir-demo-{run}", "topics.prefix": f"weir-demo-{run}."}
    file = folder / "pipeline.toml"
    file.touch()  # empty, so that a file in the working directory is not read
    kept = {name: value for name, value in os.environ.items() if _is_kept(name, foreign=foreign)}
    environ = {**kept, "WEIR_CONFIG": str(file), **{variable_of(key): value for key, value in own.items()}}
    return Sandbox(folder, load_settings(environ=environ), environ)


def _is_kept(variable: str, *, foreign: bool) -> bool:
    return not variable.startswith("WEIR_") or (foreign and variable.startswith("WEIR_KAFKA__"))


@contextmanager
def temporary_topics(sandbox: Sandbox, *, foreign: bool, say: Callable[[str], None]) -> Iterator[None]:
    """Weir's topics for the time of a demo. On a `foreign` Kafka they and the consumer groups are deleted afterwards;
    one of our own is thrown away with all that is in it.

    Raises BrokerUnreachable, TopicsNotCreated.
    """
    from streams.kafka.client import check_client_config, client_config  # noqa: PLC0415  # imports in parallel
    from streams.kafka.topics import create_topics, default_plan  # noqa: PLC0415

    check_client_config(sandbox.settings.kafka)
    config = client_config(sandbox.settings.kafka)
    plan = [
        replace(each, config={**each.config, "retention.ms": str(RETENTION_MS)})
        if each.config.get("cleanup.policy") == "delete"
        else each
        for each in default_plan(sandbox.settings.topics, partitions=PARTITIONS)
    ]
    try:
        create_topics(config, plan)
        yield
    finally:
        if foreign:
            _remove(sandbox, config, say)


def _remove(sandbox: Sandbox, config: dict[str, str | int | float | bool], say: Callable[[str], None]) -> None:
    from streams.kafka.removing import remove_groups, remove_topics  # noqa: PLC0415

    group = sandbox.settings.kafka.group
    say(f"deleting the topics {sandbox.settings.topics.prefix}* and the groups {group}-*")
    kept = remove_topics(config, sandbox.topic_names())
    kept |= remove_groups(config, [f"{group}-predict", f"{group}-drift"], timeout_s=4 * SESSION_TIMEOUT_MS / 1000)
    for name, why in kept.items():
        say(f"could not delete {name}: {why}")
