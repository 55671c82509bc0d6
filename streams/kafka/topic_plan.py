"""How Weir's topics ought to be, and what is wrong with those that are there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from streams.settings.tables import TopicRole, TopicSettings

MS_PER_DAY = 86_400_000
MS_PER_HOUR = 3_600_000
EVENT_BYTES = 1_048_588
"""Kafka's default `max.message.bytes`."""
HEADER_BYTES = 65_536
"""Room for the headers that a dead letter adds to the original record."""
SEGMENT_BYTES = 16_777_216

Relation: TypeAlias = Literal["is", "at least", "at most"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a setting of a topic must be, and what goes wrong otherwise."""

    key: str
    relation: Relation
    value: str
    why: str

    def holds(self, found: str) -> bool:
        if self.relation == "is":
            return _words(found) == _words(self.value)
        # -1 is Kafka's word for "no limit" in retention.ms.
        have, limit = (float("inf") if text == "-1" else float(text) for text in (found, self.value))
        return have >= limit if self.relation == "at least" else have <= limit


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """One topic as it is created; `rules` are what a check of an existing one insists on.

    With `like_events` its records carry the partition number of their event, so the counts must be equal.
    `replication` None leaves it to the broker's default.
    """

    role: TopicRole
    name: str
    partitions: int
    replication: int | None
    config: Mapping[str, str]
    rules: tuple[Rule, ...] = ()
    like_events: bool = False


@dataclass(frozen=True, slots=True)
class TopicFound:
    """One topic as the broker describes it; `config` may lack keys that this broker does not tell."""

    partitions: int
    replication: int
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with a topic. `what`: ``missing``, ``partitions``, ``replication`` or a setting's name."""

    topic: str
    what: str
    found: str
    wanted: str
    why: str
    fix: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.what} is {self.found}, wanted {self.wanted}: {self.why}; fix: {self.fix}"


_NO_LOSS = Rule(
    "unclean.leader.election.enable", "is", "false", "a replica that lags could take over and drop acknowledged records"
)
_IN_SYNC = Rule("min.insync.replicas", "at least", "2", "a record on one replica only is lost with that broker")
_LOG = Rule("cleanup.policy", "is", "delete", "compaction removes records that were not read yet")
_BROKERS_CLOCK = Rule(
    "message.timestamp.type", "is", "LogAppendTime", "a worker with a wrong clock could end the wait of every entry"
)
_ONE_CLOCK = Rule(
    "message.timestamp.type", "is", "LogAppendTime", "a page orders what workers tell by one clock, not by theirs"
)
_TABLE = Rule("cleanup.policy", "is", "compact", "deletion by time forgets entries that are still in force")
_SMALL_SEGMENTS = (
    Rule("segment.bytes", "at most", str(SEGMENT_BYTES), "compaction spares the last segment, and a restart reads it"),
    Rule("min.cleanable.dirty.ratio", "at most", "0.1", "rarer compaction makes a restart read more old entries"),
)


def default_plan(
    topics: TopicSettings,
    *,
    partitions: int = 6,
    replication: int | None = None,
    label_window_s: int = 86_400,
    learning: bool = False,
) -> list[TopicPlan]:
    """The topics of the contract, in the order of the data flow; `partitions` for `events` and all that follow it.
    `examples` are for a learner only."""
    window = Rule("retention.ms", "at least", str(label_window_s * 1000), "a join must outlive labels.window_s")
    days_7, days_30, days_90 = (str(days * MS_PER_DAY) for days in (7, 30, 90))
    log = {"cleanup.policy": "delete", "retention.ms": days_7}
    table = {
        "cleanup.policy": "compact",
        "segment.bytes": str(SEGMENT_BYTES),
        "min.cleanable.dirty.ratio": "0.1",
        "max.message.bytes": str(8 * 1_048_576),
    }
    joins = log | {
        "retention.ms": str(max(int(days_7), label_window_s * 1000)),
        "message.timestamp.type": "LogAppendTime",
    }
    dead_letters = log | {"retention.ms": days_30, "max.message.bytes": str(2 * 1_048_576)}
    alerts = {"cleanup.policy": "compact,delete", "retention.ms": days_90}
    figures = {
        "cleanup.policy": "delete",
        "retention.ms": str(MS_PER_HOUR),
        "segment.ms": str(MS_PER_HOUR // 6),  # what is still written to is not deleted
        "message.timestamp.type": "LogAppendTime",
    }
    alive = Rule(
        "cleanup.policy", "is", "compact,delete", "the last state of an alert stays, and old alerts go in time"
    )

    def plan(
        role: TopicRole, config: Mapping[str, str], *rules: Rule, count: int = partitions, like_events: bool = False
    ) -> TopicPlan:
        rules = (*rules, _NO_LOSS)
        if replication is not None and replication >= 3:
            config = {**config, "min.insync.replicas": "2"}
        return TopicPlan(role, topics.name(role), count, replication, config, rules, like_events)

    return [
        plan("events", log, _LOG),
        plan("predictions", log, _LOG, like_events=True),
        plan("dead_letters", dead_letters, _LOG, like_events=True),
        plan("labels", log, _LOG),
        plan("joins", joins, _LOG, window, _BROKERS_CLOCK),
        *([plan("examples", log, _LOG, count=1)] if learning else []),
        plan("observations", log, _LOG),
        plan("alerts", alerts, alive, count=1),
        plan("state", table, _TABLE, *_SMALL_SEGMENTS),
        plan("control", table, _TABLE, count=1),
        plan("figures", figures, _ONE_CLOCK, count=1),
    ]


def fit_to_events(plan: Iterable[TopicPlan], found: Mapping[str, TopicFound]) -> list[TopicPlan]:
    """The plan with the partition count of the `events` that exists already, where that must be the same."""
    plans = list(plan)
    events = next((found[each.name] for each in plans if each.role == "events" and each.name in found), None)
    if events is None:
        return plans
    return [
        TopicPlan(each.role, each.name, events.partitions, each.replication, each.config, each.rules, each.like_events)
        if each.like_events
        else each
        for each in plans
    ]


def find_problems(plan: Iterable[TopicPlan], found: Mapping[str, TopicFound], brokers: int) -> list[Finding]:
    """Compare the topics that exist with the plan, on a cluster of so many brokers."""
    findings: list[Finding] = []
    plans = fit_to_events(plan, found)
    names = {each.role: each.name for each in plans}
    for each in plans:
        if each.name not in found:
            why = "nothing can be read from it or written to it"
            findings.append(Finding(each.name, "missing", "no topic", "a topic", why, "weir topics create"))
            continue
        topic = found[each.name]
        findings += _partitions(each, topic, names.get("events", "events"))
        findings += _replication(each, topic, brokers)
        findings += _settings(each, topic)
    findings += _dead_letters_fit(found, names)
    return findings


def _partitions(plan: TopicPlan, topic: TopicFound, events: str) -> Iterator[Finding]:
    have, want = topic.partitions, plan.partitions
    if plan.like_events and have != want:
        why = f"each record keeps the partition number of its event in {events}"
        if have < want:
            fix = f"kafka-topics.sh --alter --topic {plan.name} --partitions {want}"
        else:
            fix = (
                f"kafka-topics.sh --alter --topic {events} --partitions {have} (it changes which partition a key is in)"
            )
        yield Finding(plan.name, "partitions", str(have), str(want), why, fix)
    if plan.role == "control" and have != 1:
        why = "commands have one order for every process only within one partition"
        yield Finding(plan.name, "partitions", str(have), "1", why, "delete the topic, then weir topics create")


def _replication(plan: TopicPlan, topic: TopicFound, brokers: int) -> Iterator[Finding]:
    want = min(3, brokers)
    if topic.replication < want:
        why = "fewer copies than the cluster could keep: losing a broker loses records or stops the topic"
        fix = f"kafka-reassign-partitions.sh with {want} replicas for each partition of {plan.name}"
        yield Finding(plan.name, "replication", str(topic.replication), str(want), why, fix)


def _settings(plan: TopicPlan, topic: TopicFound) -> Iterator[Finding]:
    rules = (*plan.rules, _IN_SYNC) if topic.replication >= 3 else plan.rules
    for rule in rules:
        value = topic.config.get(rule.key)
        if value is not None and not rule.holds(value):
            wanted = rule.value if rule.relation == "is" else f"{rule.relation} {rule.value}"
            yield Finding(plan.name, rule.key, value, wanted, rule.why, _alter(plan.name, rule.key, rule.value))


def _dead_letters_fit(found: Mapping[str, TopicFound], names: Mapping[TopicRole, str]) -> Iterator[Finding]:
    """The largest event must fit into a dead letter, or one bad record of that size would stop its partition."""
    key = "max.message.bytes"
    letters, events = found.get(names.get("dead_letters", "")), found.get(names.get("events", ""))
    if letters is None or events is None or key not in letters.config:
        return
    want = int(events.config.get(key, EVENT_BYTES)) + HEADER_BYTES
    if int(letters.config[key]) < want:
        name = names["dead_letters"]
        why = "a dead letter is the original record and its headers: the largest event would not fit"
        yield Finding(name, key, letters.config[key], f"at least {want}", why, _alter(name, key, str(want)))


def _alter(topic: str, key: str, value: str) -> str:
    # Brackets keep the comma of a list apart from the comma between settings.
    shown = f"[{value}]" if "," in value else value
    return f"kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config {key}={shown}"


def _words(value: str) -> set[str]:
    return {word.strip() for word in value.split(",")}
