"""What a learner knows by its last snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models.errors import ModelError
from models.prediction import FloatMatrix
from streams.kafka.snapshots import SnapshotDamaged, collect
from streams.learning.state import KNOWLEDGE, Knowledge, decode_knowledge
from streams.learning.waiting import WaitingRows

ROLE = "learner"


@dataclass(frozen=True, slots=True)
class Learnt:
    """`knowledge` as it was before the record at `offset` of `examples`; `entries`: all of the snapshot."""

    knowledge: Knowledge
    entries: Mapping[str, bytes]
    offset: int

    def rows(self, width: int, count: int) -> FloatMatrix:
        """`width` inputs of each of the events answered last, `count` at most. Raises ValueError where they are not so
        many inputs."""
        waiting = WaitingRows(width, max(1, self.knowledge.end))
        waiting.load(self.entries, self.knowledge.end)
        return waiting.latest(count)


def learnt_of(name: str, records: Iterable[tuple[bytes, bytes | None]], where: str) -> Learnt:
    """From the records of the state topic, oldest first. Raises ModelError where there is no such learner, or several,
    or what is there is damaged."""
    prefix = f"{ROLE}/".encode()
    latest = {key: value for key, value in records if key.startswith(prefix)}
    try:
        partitions = sorted({int(key.split(b"/")[1]) for key in latest})
        found = {partition: _of_partition(partition, latest) for partition in partitions}
    except (SnapshotDamaged, ValueError) as error:  # a MsgspecError is a ValueError
        raise ModelError(
            f"what the learner of {name} knows cannot be read: {error}",
            where=where,
            cause="a snapshot of another release, or records that something else wrote",
            fix="let the learner run; it starts again with what the topic of examples still has",
        ) from error
    own = {number: each for number, each in found.items() if each and each.knowledge.base.model == name}
    # One that no event came to does not count: where learning begins anew it does so in every partition.
    told = {number: each for number, each in own.items() if each.knowledge.end} or own
    if len(told) > 1:
        raise ModelError(
            f"partitions {', '.join(map(str, told))} of examples each have a learner of {name}",
            where=where,
            cause="examples was given more partitions, so that its records go to another one now",
            fix="add the model again as another version and set learning.version to it; learning begins anew then",
        )
    for learnt in told.values():
        return learnt
    raise ModelError(
        f"nothing was learnt of {name}",
        where=where,
        cause="no worker with the role learner ran, or learning.version is not set, or no event was answered since",
        fix="set learning.version to a version of the runtime river, and start a worker with the role learner",
    )


def _of_partition(partition: int, latest: Mapping[bytes, bytes | None]) -> Learnt | None:
    snapshot = collect(ROLE, partition, latest.items())
    if snapshot is None or KNOWLEDGE not in snapshot.entries:
        return None
    return Learnt(decode_knowledge(snapshot.entries[KNOWLEDGE]), snapshot.entries, snapshot.offset)
