"""What pairs came to in the challenge that stands: counts, and a verdict that holds once it is reached.

Counts add up in any order, each observation once by its range of offsets, and are judged after each: the same log leads
to the same verdict at the same place, however it is cut into batches.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from drift.challenge import Contest, PairCounts
from drift.observation import Observation
from drift.paired_test import Judgement, Verdict, judge
from drift.progress import Arrival, PartitionProgress, arrive


class Comparison(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Of one model. `decided` is the first verdict, with the counts that led to it in `by`; a challenge that has
    `ended` counts no further. `seen`: how far the partitions that pairs come from were counted. `first` and `last`:
    the greatest event times, in ms, of the first and of the latest observation that was counted."""

    contest: Contest
    counts: PairCounts = PairCounts()
    decided: Verdict = "undecided"
    by: PairCounts | None = None
    ended: bool = False
    seen: dict[str, PartitionProgress] = {}
    first: int | None = None
    last: int | None = None

    def judgement(self) -> Judgement:
        """As of now; a verdict that was reached before may not be reached by what came since."""
        challenge = self.contest.challenge
        return judge(self.counts, error=challenge.error, least=challenge.pairs)

    def dump(self) -> dict[str, bytes]:
        """Every entry under its name."""
        return {"comparison": msgspec.json.encode(self)}


_decode = msgspec.json.Decoder(Comparison).decode


def load_comparison(entries: Mapping[str, bytes]) -> Comparison:
    """From what `dump` gave. Raises KeyError, msgspec.MsgspecError."""
    return _decode(entries["comparison"])


def observed(known: Comparison | None, observation: Observation) -> Comparison | None:
    """After an observation of the stream of pairs."""
    if observation.contest is not None:
        return _entered(known, observation.contest)
    if observation.pairs is None:
        return known and msgspec.structs.replace(known, ended=True)
    return known and _counted(known, observation)


def _entered(known: Comparison | None, contest: Contest) -> Comparison:
    """Another share or policy goes on with what was counted."""
    if known is None or known.contest.challenge.since != contest.challenge.since:
        return Comparison(contest)
    return msgspec.structs.replace(known, contest=contest)


def _counted(known: Comparison, observation: Observation) -> Comparison:
    contest, pairs = known.contest, observation.pairs
    assert pairs is not None
    if known.ended or (observation.version, pairs.champion) != (contest.challenge.version, contest.champion):
        return known
    place = f"{observation.topic}/{observation.partition}"
    arrival, progress = arrive(known.seen.get(place, PartitionProgress()), observation)
    seen = {**known.seen, place: progress}
    if arrival is not Arrival.NEW:
        return msgspec.structs.replace(known, seen=seen)
    counted = msgspec.structs.replace(
        known,
        counts=known.counts.plus(pairs.counts),
        seen=seen,
        first=observation.max_time if known.first is None else known.first,
        last=observation.max_time,
    )
    if counted.decided != "undecided":
        return counted
    verdict = counted.judgement().verdict
    return counted if verdict == "undecided" else msgspec.structs.replace(counted, decided=verdict, by=counted.counts)
