"""The checks of `weir doctor` over facts: what is wrong is found, and what is right is not."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from streams.contracts import Reason
from streams.doctor.broker import NEEDED as NEEDED_APIS
from streams.doctor.broker import BrokerFacts, broker_findings
from streams.doctor.certificates import CertificateFacts, certificate_findings
from streams.doctor.clock import ClockFacts, clock_findings
from streams.doctor.events import EventFacts, Refused, event_findings
from streams.doctor.files import SecretFileFacts, StateDirFacts, secret_file_findings, state_dir_findings
from streams.doctor.finding import Finding, NotChecked, Severity
from streams.doctor.groups import GroupFacts, PartitionFacts, group_findings
from streams.doctor.limits import LimitFacts, limit_findings
from streams.doctor.models import ModelFacts, model_findings
from streams.doctor.ports import PortFacts, port_findings
from streams.doctor.rights import NEEDED, OPTIONAL
from streams.kafka.handshake import CORRELATION, parse_versions
from streams.settings import TopicSettings
from tests.docs.pages import plain, table

NOW_MS = 1_800_000_000_000
NOW = datetime(2026, 11, 27, tzinfo=UTC)
ENOUGH = {key: version for key, (_, version, _) in NEEDED_APIS.items()}
WHO = {
    "predict": "predict worker",
    "drift": "drift worker",
    "control": "drift worker",
    "label-intake": "labels",
    "http": "http worker",
}


def what(found: Iterable[Finding | NotChecked]) -> str:
    return "; ".join(each.what if isinstance(each, Finding) else "not checked" for each in found)


def part(committed: int | None, low: int, end: int, lag: int, at_risk_below: int | None = None) -> PartitionFacts:
    return PartitionFacts(0, committed, low, end, lag, at_risk_below)


def group(*partitions: PartitionFacts, members: int = 1, retention_ms: int | None = 3_600_000) -> GroupFacts:
    return GroupFacts("predict", "weir-predict", "events", members, partitions, retention_ms)


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (group(part(5, 0, 5, 0)), ""),
        (group(part(5, 0, 9, 4, at_risk_below=2)), ""),
        (group(part(None, 0, 0, 0), members=0), ""),
        (group(part(5, 0, 6, 0, at_risk_below=6)), ""),  # what is left is a marker
        (group(part(5, 8, 9, 1)), "3 offsets were deleted before predict had read them"),
        (group(part(9, 0, 5, 0)), "committed offsets that the topic does not have yet"),
        (group(part(5, 0, 9, 4, at_risk_below=6)), "older than half of the retention (1 h)"),
        (group(part(None, 3, 9, 6, at_risk_below=6)), "older than half of the retention"),
        (group(part(5, 0, 9, 4), members=0), "4 records wait, and no worker reads them"),
        (group(part(5, 0, 5, 0), part(5, 0, 5, 0), members=3), "3 workers share 2 partitions: 1 of them"),
        (group(part(5, 0, 5, 0), members=3), ""),  # one partition: the others stand by
    ],
)
def test_groups(facts: GroupFacts, wanted: str) -> None:
    found = what(group_findings(facts))
    assert wanted in found
    assert bool(wanted) == bool(found)


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (ClockFacts(NOW_MS, NOW_MS - 900, NOW_MS), ""),
        (ClockFacts(NOW_MS, NOW_MS - 9_000, NOW_MS), "is 9 s ahead of the broker's"),
        (ClockFacts(NOW_MS, NOW_MS + 9_000, NOW_MS), "is 9 s behind the broker's"),
        (ClockFacts(NOW_MS, NOW_MS + 9_000), "is 9 s behind the broker's"),
        (ClockFacts(NOW_MS, NOW_MS - 900_000), "not checked"),  # it may just be old
        (ClockFacts(NOW_MS), "not checked"),
        (ClockFacts(NOW_MS, NOW_MS - 900, NOW_MS, event_ms=NOW_MS + 59_100), "60 s ahead of now"),
        # Here is late by as much as the producer seems to be early.
        (ClockFacts(NOW_MS, NOW_MS + 60_000, NOW_MS, event_ms=NOW_MS + 60_000), "is 60 s behind the broker's"),
    ],
)
def test_clocks(facts: ClockFacts, wanted: str) -> None:
    found = what(clock_findings(facts))
    assert found.count(";") == 0
    assert wanted in found
    assert bool(wanted) == bool(found)


@pytest.mark.parametrize(
    ("api_versions", "wanted"),
    [
        (None, ""),
        (ENOUGH, ""),
        (ENOUGH | {28: 2}, "has version 2: TxnOffsetCommit 3 is needed for offsets that fence by group (KIP-447)"),
        ({key: version for key, version in ENOUGH.items() if key != 22}, "does not know it: InitProducerId"),
    ],
)
def test_what_a_broker_is_too_old_for(api_versions: dict[int, int] | None, wanted: str) -> None:
    found = what(broker_findings(BrokerFacts("k:9092", api_versions=api_versions)))
    assert wanted in found
    assert bool(wanted) == bool(found)


def test_one_address_of_several_that_nobody_answers_at() -> None:
    found = what(broker_findings(BrokerFacts("a:1,b:1", silent=("b:1",), api_versions=ENOUGH)))
    assert found == "no broker answers at b:1; others do"


def test_versions_of_the_protocol_are_read_from_the_brokers_answer() -> None:
    answer = struct.pack(">ihi", CORRELATION, 0, 2) + struct.pack(">hhhhhh", 0, 3, 12, 28, 0, 4)
    assert parse_versions(answer) == {0: 12, 28: 4}
    assert parse_versions(struct.pack(">ihi", CORRELATION, 35, 0)) == {}
    with pytest.raises(struct.error):
        parse_versions(answer[:-1])
    with pytest.raises(struct.error):
        parse_versions(b"HTTP")


@pytest.mark.parametrize(
    ("begins", "days", "wanted"),
    [
        (-9, 200, None),
        (-9, 20, (Severity.WARNING, "expires on 2026-12-17 00:00 UTC, in 20 d")),
        (-9, -1, (Severity.ERROR, "has expired on 2026-11-26")),
        (1, 200, (Severity.ERROR, "is not valid before 2026-11-28")),
    ],
)
def test_certificates(begins: int, days: int, wanted: tuple[Severity, str] | None) -> None:
    facts = CertificateFacts("c", NOW + timedelta(days=begins), NOW + timedelta(days=days))
    found = list(certificate_findings(facts, NOW))
    assert [each.severity for each in found] == ([wanted[0]] if wanted else [])
    assert wanted is None or wanted[1] in found[0].what


def test_a_few_bad_events_are_what_dead_letters_are_for() -> None:
    bad = Refused(Reason.FEATURE_TYPE, "features.age: a string", "events/0/7")
    assert not list(event_findings(EventFacts("events", 100, [bad] * 10, "churn")))
    (some,) = event_findings(EventFacts("events", 100, [bad] * 11, "churn"))
    (nearly_all,) = event_findings(EventFacts("events", 100, [bad] * 95, "churn"))
    assert (some.severity, nearly_all.severity) == (Severity.WARNING, Severity.ERROR)
    assert "11 of the newest 100 events are dead letters by feature_type: features.age: a string" in some.what
    assert some.where == "events/0/7"
    (framed,) = event_findings(EventFacts("events", 1, [Refused(Reason.FRAMED, "0x00", "events/0/0")]))
    assert "Confluent Schema Registry" in framed.cause


def test_a_model_of_other_libraries_is_told_with_both_versions() -> None:
    facts = ModelFacts(
        "churn", "3", None, {"numpy": "2.0", "scikit-learn": "1.9"}, {"numpy": "2.1", "scikit-learn": "1.9"}
    )
    (found,) = model_findings(facts)
    assert "numpy 2.0 (here 2.1)" in found.what
    assert "scikit-learn" not in found.what


@pytest.mark.parametrize(
    ("message_bytes", "value_bytes", "wanted"),
    [
        (1_048_588, 1_048_576, ""),
        (1_000_000, 1_048_576, "below limits.value_bytes"),
        (8_388_608, 1_048_576, "far above limits.value_bytes"),
    ],
)
def test_limits(message_bytes: int, value_bytes: int, wanted: str) -> None:
    found = what(limit_findings(LimitFacts("events", message_bytes, value_bytes)))
    assert wanted in found
    assert bool(wanted) == bool(found)


@pytest.mark.parametrize(
    ("chosen", "refused", "ours", "found"),
    [(True, "in use", False, 1), (True, "in use", True, 0), (False, "in use", False, 0), (True, None, False, 0)],
)
def test_ports(*, chosen: bool, refused: str | None, ours: bool, found: int) -> None:
    assert len([*port_findings(PortFacts("admin.port", "127.0.0.1", 6066, chosen, refused, ours))]) == found


@pytest.mark.parametrize(("mode", "found"), [(0o600, 0), (0o400, 0), (0o440, 0), (0o640, 0), (0o644, 1), (0o660, 1)])
def test_modes_of_files_with_secrets(mode: int, found: int) -> None:
    assert len([*secret_file_findings(SecretFileFacts("http.keys_file", "k", mode))]) == found


def test_a_state_dir_needs_room_and_rights() -> None:
    assert not [*state_dir_findings(StateDirFacts("s", None, 1 << 40))]
    assert "nothing can be written there: no" in what(state_dir_findings(StateDirFacts("s", "no")))
    assert "only 1 MiB are free" in what(state_dir_findings(StateDirFacts("s", None, 1 << 20)))


def test_the_rights_that_are_looked_for_are_the_documented_ones() -> None:
    topics = TopicSettings()
    rows = table("docs/reference/rights.md", "who", "operation", "on", "name", "pattern")
    documented = {
        (row["who"].strip("`"), plain(row["operation"]), plain(row["name"]))
        for row in rows
        if plain(row["on"]) == "topic" and row["name"] != "every topic"
    }
    for role, needed in NEEDED.items():
        for topic, operations in needed.items():
            for operation in operations:
                assert (WHO.get(role, role), operation, topics.name(topic)) in documented
    for topic, operations in OPTIONAL.items():
        assert ("every worker", *operations, topics.name(topic)) in documented
    assert ("http worker", "Write", "events") in documented
    for who in ("predict worker", "drift worker", "labels"):
        roles = [role for role in NEEDED if WHO.get(role, role) == who]
        looked_for = {
            (operation, topics.name(topic))
            for role in roles
            for topic, operations in NEEDED[role].items()
            for operation in operations
        }
        assert looked_for == {right[1:] for right in documented if right[0] == who}
