"""What `weir doctor` learns of the broker, topics and groups. Nothing is written, and no group joined."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property

from models.loaded import LoadedModel
from streams.cli.doctor_here import certificate_facts
from streams.contracts import HEADER_MODEL, Reason
from streams.diagnosis import Diagnosis
from streams.doctor.broker import BrokerFacts, broker_findings
from streams.doctor.certificates import certificate_findings
from streams.doctor.clock import ClockFacts, clock_findings
from streams.doctor.events import EventFacts, Refused, event_findings, is_framed
from streams.doctor.finding import Finding, NotChecked
from streams.doctor.groups import RISK, GroupFacts, PartitionFacts, group_findings
from streams.doctor.limits import LimitFacts, limit_findings
from streams.doctor.rights import NEEDED, OPTIONAL, PUBLISHING, RightFacts, right_findings
from streams.doctor.topics import topic_findings
from streams.kafka.client import client_config
from streams.kafka.groups import group_progress
from streams.kafka.handshake import Handshake, shake_hands
from streams.kafka.newest import last_append, newest_records
from streams.kafka.positions import positions
from streams.kafka.reading import Record
from streams.kafka.rights import Right, Rights, principal_of
from streams.kafka.topic_plan import TopicFound, TopicPlan, find_problems
from streams.kafka.topics import default_plan, find_topics
from streams.roles import limits_of
from streams.settings import Settings, TopicRole
from streams.sources import SOURCES

PATIENCE_S = 4.0
FIGURES_COME_S = 3.0
"""A worker publishes its figures every two seconds."""
LOOK_BACK_MS = 30_000


class Broker:
    """One look at a broker, by the settings of workers. What was found is kept: one check builds on the other."""

    def __init__(self, settings: Settings, roles: Sequence[str], *, door: bool) -> None:
        """`roles` are those of groups; `door`: one of the workers answers requests."""
        self._settings, self._roles, self._door = settings, roles, door
        self._client = client_config(settings.kafka)
        self._events = settings.topics.name("events")

    @cached_property
    def topics(self) -> dict[str, TopicFound]:
        """Raises BrokerUnreachable, NotAllowed."""
        return self._topics_and_brokers[0]

    def check_broker(self) -> Iterator[Finding]:
        """Where none answers at all, `topics` says so."""
        servers = self._settings.kafka.bootstrap_servers
        hands = {server: self._shake_hands(server) for server in servers.split(",")}
        shaken = next((each for each in hands.values() if each is not None), None)
        if shaken is None:
            return
        silent = tuple(server.strip() for server, each in hands.items() if each is None)
        yield from broker_findings(BrokerFacts(servers, None, silent, shaken.api_versions or None))
        for server, each in hands.items():
            if each is not None and each.certificate is not None:
                facts = certificate_facts(f"the broker at {server.strip()}", each.certificate)
                yield from certificate_findings(facts, datetime.now(UTC))

    def check_topics(self) -> Iterator[Finding]:
        found, brokers = self._topics_and_brokers
        yield from topic_findings(find_problems(self._plan, found, brokers))

    def check_limits(self) -> Iterator[Finding]:
        told = self._config("events", "max.message.bytes")
        if told is not None:
            yield from limit_findings(LimitFacts(self._events, int(told), self._settings.limits.value_bytes))

    def check_rights(self) -> Iterator[Finding]:
        topics, group = self._settings.topics, self._settings.kafka.group
        optional = {topics.name(topic) for topic in OPTIONAL}
        lacking: dict[Right, list[str]] = {}
        for role in [*self._roles, *(["http"] if self._door else [])]:
            wanted = NEEDED[role] | OPTIONAL | (PUBLISHING if role == "http" and self._settings.http.publish else {})
            needed = {topics.name(topic): operations for topic, operations in wanted.items()}
            for right in Rights(self._client, needed, f"{group}-{role}", f"{group}-{role}-").missing():
                if right.kind == "topic" or role in SOURCES:
                    lacking.setdefault(right, []).append(role)
        for right, roles in lacking.items():
            who, command = principal_of(self._client), right.command(self._client)
            yield from right_findings(RightFacts(who, str(right), command, tuple(roles), right.name in optional))

    def check_groups(self) -> Iterator[Finding]:
        for role in self._roles:
            topic = self._settings.topics.name(SOURCES[role])
            if topic in self.topics:
                yield from group_findings(self._group(role, topic))

    def check_clock(self) -> Iterator[Finding | NotChecked]:
        here_ms = _now_ms()
        figures = self._settings.topics.name("figures")
        appended = None
        if self._config("figures", "message.timestamp.type") == "LogAppendTime":
            appended = last_append(self._client, figures, here_ms - LOOK_BACK_MS, FIGURES_COME_S)
        times = [record.timestamp for record in self._newest_events]
        newest, arrived = appended or (None, None)
        yield from clock_findings(
            ClockFacts(
                _now_ms(),
                newest,
                arrived,
                max(times, default=None) if self._config("events", "message.timestamp.type") == "CreateTime" else None,
                self._events,
            )
        )

    def check_events(self, model: LoadedModel | None) -> Iterator[Finding | NotChecked]:
        """Against the schema of the model that answers what is addressed to nobody."""
        records = [record for record in self._newest_events if record.value is not None]
        if model is not None:
            addressed = [(record, dict(record.headers or ()).get(HEADER_MODEL)) for record in records]
            records = [record for record, to in addressed if to in (None, model.name.encode())]
        refused = list(_refused(records, self._diagnosis(model)))
        yield from event_findings(
            EventFacts(self._events, len(records), refused, None if model is None else model.name)
        )

    def _diagnosis(self, model: LoadedModel | None) -> Diagnosis | None:
        if model is None:
            return None
        return Diagnosis(model.schema, limits_of(self._settings), self._settings.model.unknown_features)

    def _shake_hands(self, server: str) -> Handshake | None:
        kafka = self._settings.kafka
        password = kafka.ssl_key_password.get_secret_value() if kafka.ssl_key_password else None
        certificate, key = kafka.ssl_certificate_location, kafka.ssl_key_location
        tls = "ssl" in kafka.security_protocol
        try:
            return shake_hands(server, tls=tls, certificate=certificate, key=key, password=password)
        except (OSError, ValueError):
            return None

    @cached_property
    def _plan(self) -> list[TopicPlan]:
        own = self._settings
        return default_plan(own.topics, label_window_s=own.labels.window_s, learning=own.learns)

    @cached_property
    def _topics_and_brokers(self) -> tuple[dict[str, TopicFound], int]:
        return find_topics(self._client, [each.name for each in self._plan], timeout_s=PATIENCE_S)

    @cached_property
    def _newest_events(self) -> list[Record]:
        if self._events not in self.topics:
            return []  # told as such
        here = positions(self._client, self._events, range(self.topics[self._events].partitions), _now_ms())
        return newest_records(self._client, self._events, here)

    def _group(self, role: str, topic: str) -> GroupFacts:
        told = self.topics[topic].config.get("retention.ms")
        deletes = "delete" in self.topics[topic].config.get("cleanup.policy", "delete")
        retention_ms = int(told) if told and told != "-1" and deletes else None
        progress = group_progress(self._client, f"{self._settings.kafka.group}-{role}", topic)
        at_ms = _now_ms() - int((retention_ms or 0) * RISK)
        at = positions(self._client, topic, [each.partition for each in progress.partitions], at_ms)
        partitions = tuple(
            PartitionFacts(
                each.partition,
                each.committed,
                at[each.partition].low,
                at[each.partition].end,
                each.lag,
                None if retention_ms is None else at[each.partition].at_time,
            )
            for each in progress.partitions
        )
        return GroupFacts(role, progress.group, topic, progress.members, partitions, retention_ms)

    def _config(self, role: TopicRole, key: str) -> str | None:
        found = self.topics.get(self._settings.topics.name(role))
        return None if found is None else found.config.get(key)


def _refused(records: Iterable[Record], diagnosis: Diagnosis | None) -> Iterator[Refused]:
    for record in records:
        place, value = f"{record.topic}/{record.partition}/{record.offset}", record.value or b""
        if diagnosis is None:
            if is_framed(value):
                yield Refused(Reason.FRAMED, "begins with 0x00 and a schema id", place)
        elif (found := diagnosis(value, record.timestamp)) is not None:
            yield Refused(found.reason, found.error, place)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
