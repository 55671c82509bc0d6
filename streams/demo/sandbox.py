"""Where a demo takes place: a folder, a Kafka and names of its own, and nothing left of them afterwards."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from streams.demo.broker import EmbeddedBroker, LocalBroker, LocalKafka, embedded_binary
from streams.settings import Settings, load_settings, variable_of

PARTITIONS = 3
SESSION_TIMEOUT_MS = 6_000
REACH_S = 15.0
RETENTION_MS = 120_000
"""The embedded broker keeps its records in memory, and a demo may run all day."""

OWN_VARIABLES = {
    variable_of(f"kafka.{key}") for key in ("bootstrap_servers", "group", "session_timeout_ms", "delivery")
}


class BrokerChoice(StrEnum):
    """Which broker the demo starts."""

    EMBEDDED = "embedded"
    KAFKA = "kafka"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="weir-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def local_broker(choice: BrokerChoice) -> LocalBroker:
    """A broker to start. Kafka's jars are kept for the next time in the user's cache, or where WEIR_KAFKA_JARS says.

    Raises EmbeddedBrokerMissing.
    """
    if choice is BrokerChoice.EMBEDDED:
        embedded_binary()  # says at once that it is missing
        return EmbeddedBroker()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return LocalKafka(cache=Path(cache) / "weir" / "kafka")


class Sandbox:
    """Settings for a demo in this folder. On a `foreign` Kafka (the user's) every name is random, and security comes
    from the user's WEIR_KAFKA__* variables; no other setting of the user's has a say.
    """

    def __init__(self, folder: Path, model: str, *, foreign: bool) -> None:
        self.foreign = foreign
        self.registry = folder / "registry"
        self._own: dict[str, dict[str, str | int]] = {
            "kafka": {"session_timeout_ms": SESSION_TIMEOUT_MS},
            "model": {"registry": str(self.registry), "name": model},
            "worker": {"state_dir": str(folder / "state"), "slot": "demo-0"},
            "drift": {"allowed_lateness_ms": 500},
            "labels": {"enabled": False},  # none come
        }
        if foreign:
            name = f"weir-demo-{secrets.token_hex(4)}"
            self._own["kafka"]["group"] = name
            self._own["topics"] = {"prefix": f"{name}."}
        self._file = folder / "pipeline.toml"
        self.environ = {name: value for name, value in os.environ.items() if self._is_kept(name)}
        self.environ["WEIR_CONFIG"] = str(self._file)

    def settings(self, bootstrap_servers: str) -> Settings:
        """What the worker will run by. Raises SettingsError."""
        self._own["kafka"]["bootstrap_servers"] = bootstrap_servers
        draft = self._draft
        draft.write_text(
            "".join(
                f"[{table}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in own.items())
                for table, own in self._own.items()
            )
        )
        return load_settings(draft, self.environ)

    def release(self) -> None:
        """Let the worker have the settings: it starts with them."""
        self._draft.rename(self._file)

    @property
    def _draft(self) -> Path:
        return self._file.with_suffix(".draft")

    def _is_kept(self, variable: str) -> bool:
        """The environment would win over what the demo sets."""
        if not variable.startswith("WEIR_"):
            return True
        kafka = variable_of("kafka.")
        return self.foreign and variable.startswith(kafka) and variable not in OWN_VARIABLES


@contextmanager
def temporary_topics(settings: Settings, *, foreign: bool, say: Callable[[str], None]) -> Iterator[None]:
    """Weir's topics for the time of a demo. On a `foreign` Kafka they and the consumer groups are deleted afterwards;
    one of our own is thrown away with all that is in it.

    Raises BrokerUnreachable, TopicsNotCreated.
    """
    from streams.kafka.client import BrokerUnreachable, check_client_config, client_config  # noqa: PLC0415  # imports in parallel
    from streams.kafka.topics import create_topics, default_plan  # noqa: PLC0415

    check_client_config(settings.kafka)
    config = client_config(settings.kafka)
    plan = [
        replace(each, config={**each.config, "retention.ms": str(RETENTION_MS)})
        if each.config.get("cleanup.policy") == "delete"
        else each
        for each in default_plan(settings.topics, partitions=PARTITIONS)
    ]
    reached = True
    try:
        create_topics(config, plan, timeout_s=REACH_S)
        yield
    except BrokerUnreachable:
        reached = False
        raise
    finally:
        if foreign and reached:
            _remove(settings, config, say)


def _remove(settings: Settings, config: dict[str, str | int | float | bool], say: Callable[[str], None]) -> None:
    from streams.kafka.removing import remove_groups, remove_topics  # noqa: PLC0415

    group = settings.kafka.group
    say(f"deleting the topics {settings.topics.prefix}* and the groups {group}-*")
    kept = remove_topics(config, list(settings.topics.names.values()))
    kept |= remove_groups(
        config, [f"{group}-{role}" for role in ("predict", "drift", "control")], timeout_s=4 * SESSION_TIMEOUT_MS / 1000
    )
    for name, why in kept.items():
        say(f"could not delete {name}: {why}")
