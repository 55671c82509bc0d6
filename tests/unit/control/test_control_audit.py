"""What the audit log says of commands."""

from __future__ import annotations

from drift.command import Silence
from streams.control_audit import control_audit
from streams.decide.control import ControlReport
from streams.serving_commands import Promote
from tests.unit.control.test_control_decider import Records, batch, decider, fresh, proposal


def test_each_command_is_told_with_who_where_from_what_came_of_it_and_why() -> None:
    records: Records = [
        proposal(1, Silence("ben", 7, "size", "a migration")),
        (b"answer/p0", b"{}"),
        proposal(2, Promote("ann@bank.example", "9")),
        (b"proposal/p3", b"{"),
        (b"\xff", b"{}"),
        (b"proposal/silence/fraud/p4", None),
    ]
    received = batch(records, first=7)
    report = decider().decide({0: fresh()}, received, None).report
    assert isinstance(report, ControlReport)
    told = list(control_audit(received, report))
    assert [(line["who"], line["what"], line["origin"], line["result"]) for line in told] == [
        ("ben", "silence fraud", "control/0/7", "accepted"),
        ("ann@bank.example", "promote fraud", "control/0/9", "refused"),
        ("unknown", "a proposal that cannot be read", "control/0/10", "refused"),
    ]
    assert (told[0]["reason"], told[0]["setting"], told[0]["id"]) == ("a migration", "silence/fraud/size", "p1")
    assert told[1]["version"] == "9"
    assert "unknown version 9" in told[1]["why"]


def test_a_batch_without_proposals_leaves_no_line() -> None:
    received = batch([(b"silence/fraud", b"{}"), (None, None)])
    assert list(control_audit(received, ControlReport())) == []
