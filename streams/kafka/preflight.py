"""Before a worker starts: the topics it needs are there, and their partitions fit together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from streams.kafka.backoff import Backoff
from streams.kafka.complaints import Complaint
from streams.kafka.rights import NOT_THERE, REFUSED, Rights, told


class TopicsMismatch(Exception):
    """Topics that must have as many partitions as `events` do not."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self.counts = dict(counts)
        listed = ", ".join(f"{name}: {count}" for name, count in counts.items())
        super().__init__(
            f"predictions and dead letters keep the partition number of their event, so these topics need equal "
            f"partition counts ({listed}); fix: `weir topics check` says which, `weir topics create` makes missing ones"
        )


def wait_for_topics(
    client_config: Mapping[str, Any],
    names: Iterable[str],
    rights: Rights,
    *,
    stop: Callable[[], bool],
    say: Callable[[str], None],
    optional: Collection[str] = (),
) -> dict[str, int] | None:
    """Partition counts of the topics, once all of them exist and this user has its rights on them; with those of the
    `optional` topics that can be used by then.

    None when stopped before. Says what it waits for, and what it goes on without.
    """
    wanted = list(names)
    complaint = Complaint(client_config)
    config = {"log_level": 2, "socket.connection.setup.timeout.ms": 3000, **client_config, "error_cb": complaint}
    client = AdminClient(config)
    backoff = Backoff(stop)
    said = ""
    while not stop():
        try:
            metadata = client.list_topics(timeout=2.0).topics
        except KafkaException as error:
            client.poll(0)
            why = complaint.why or error.args[0].str()
            waiting = f"the broker at {client_config.get('bootstrap.servers')} does not answer ({why}){_advice(why)}"
        else:
            missing = [name for name in wanted if name not in metadata or metadata[name].error is not None]
            absent = {name for name in optional if name not in metadata or _is_absent(metadata[name].error)}
            missing += [name for name in optional if name not in absent and metadata[name].error is not None]
            # A topic that this user may not even describe looks as if it did not exist.
            lacking = rights.missing()
            spared = {right.name for right in lacking if right.name in optional}
            spared |= absent
            lacking = [right for right in lacking if right.name not in spared]
            if not missing and not lacking:
                if spared:
                    say(
                        f"going on without {', '.join(sorted(spared))}: no such topic, or this user may not use it; "
                        f"fix: `weir topics create`, docs/reference/rights.md, then start again"
                    )
                return {name: len(metadata[name].partitions) for name in {*wanted, *optional} - spared}
            missing = [name for name in missing if name not in {right.name for right in lacking}]
            absent_words = (
                f"missing topics: {', '.join(missing)}; likely cause: they were not made yet, or topics.prefix is "
                f"another; fix: `weir topics create`, or correct topics.prefix"
            )
            parts = [absent_words] if missing else []
            waiting = "; ".join(parts + ([told(lacking, client_config)] if lacking else []))
        if waiting != said:
            say(f"waiting: {waiting}")
            said = waiting
        backoff.wait()
    return None


def require_equal_partitions(counts: Mapping[str, int], names: Iterable[str]) -> None:
    """Raises TopicsMismatch unless all of `names` have the same number of partitions."""
    own = {name: counts[name] for name in names}
    if len(set(own.values())) > 1:
        raise TopicsMismatch(own)


def _advice(why: str) -> str:
    """Likely cause and fix, unless the complaint has its own."""
    if "fix: " in why:
        return ""
    return (
        "; likely cause: it is not running, or kafka.bootstrap_servers or kafka.security_protocol is wrong; "
        "fix: correct them, or start one with `weir broker`"
    )


def _is_absent(error: KafkaError | None) -> bool:
    """Not there, or not to be seen; a topic without a leader will have one."""
    return error is not None and error.code() in NOT_THERE | REFUSED.keys()
