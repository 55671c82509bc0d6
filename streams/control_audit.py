"""What the audit log says of the commands in a batch of `control`. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from streams.control_records import PROPOSAL, decode_proposal
from streams.decide.control import ControlReport
from streams.records import RecordBatch


def control_audit(batch: RecordBatch, report: ControlReport) -> Iterator[dict[str, Any]]:
    """A line for each proposal that was decided: the arguments of `record_action`."""
    columns = zip(batch.partitions, batch.offsets, batch.keys, batch.values, strict=True)
    for partition, offset, key, value in columns:
        if key is None or value is None or not key.startswith(PROPOSAL.encode()):
            continue
        setting, _, proposal_id = key.decode("utf-8", "replace").removeprefix(PROPOSAL).rpartition("/")
        answer = report.answers.get(proposal_id)
        if answer is None:
            continue
        line = {"origin": f"{batch.topic}/{partition}/{offset}", "result": answer.outcome, "why": answer.why}
        yield {**line, "setting": setting, "id": proposal_id, **_command(proposal_id, value)}


def _command(proposal_id: str, value: bytes) -> dict[str, Any]:
    """Who proposed what, and why."""
    try:
        proposed = decode_proposal(proposal_id, value)
    except msgspec.MsgspecError:
        return {"who": "unknown", "what": "a proposal that cannot be read"}
    command = msgspec.to_builtins(proposed.command)
    what = f"{command['command']} {proposed.model}"
    version = {"version": command["version"]} if "version" in command else {}
    return {"who": command["author"], "what": what, "reason": command.get("reason", ""), **version}
