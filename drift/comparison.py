"""What pairs came to in the challenge that stands: counts, and a verdict that holds once it is reached.

Counts add up in any order, each observation once by its range of offsets, and are judged after each: the same log leads
to the same verdict at the same place, however it is cut into batches.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from drift.challenge import Contest, PairCounts, Pairs
from drift.conduct import Conduct, Conducted, may_be_promoted, why_out_of_band
from drift.observation import Observation
from drift.paired_test import Judgement, Verdict, judge
from drift.progress import Arrival, PartitionProgress, arrive


class Comparison(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Of one model. `decided` is the first verdict, with the counts that led to it in `by`; `out_of_band` says why the
    challenger left its band, `promotable` that its policy promotes it. A challenge that has `ended` counts no further.
    `seen`: how far the partitions that this comes from were counted. `first` and `last`: the greatest event times, in
    ms, of the first and of the latest pairs that were counted."""

    contest: Contest
    counts: PairCounts = PairCounts()
    decided: Verdict = "undecided"
    by: PairCounts | None = None
    ended: bool = False
    seen: dict[str, PartitionProgress] = {}
    first: int | None = None
    last: int | None = None
    conduct: Conducted | None = None
    out_of_band: str = ""
    promotable: bool = False

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
    if observation.conduct is not None:
        return known and _conducted(known, observation, observation.conduct)
    if observation.pairs is None:
        return known and msgspec.structs.replace(known, ended=True)
    return known and _counted(known, observation, observation.pairs)


def _entered(known: Comparison | None, contest: Contest) -> Comparison:
    """Another share, policy or band goes on with what was counted; two other versions, or another test, do not, though
    it were the same revision: `control` may have been made anew."""
    if known is None or known.ended or _what_is_compared(known.contest) != _what_is_compared(contest):
        return Comparison(contest)
    return _with_what_follows(msgspec.structs.replace(known, contest=contest, out_of_band="", promotable=False))


def _what_is_compared(contest: Contest) -> tuple[int, str, str, float, int]:
    challenge = contest.challenge
    return challenge.since, contest.champion, challenge.version, challenge.error, challenge.pairs


def _with_what_follows(known: Comparison) -> Comparison:
    """What the policy of the challenge makes of a verdict; that holds, too."""
    challenge = known.contest.challenge
    if challenge.policy != "promote" or known.decided != "better" or known.out_of_band or known.promotable:
        return known
    return msgspec.structs.replace(known, promotable=may_be_promoted(known.conduct, challenge))


def _seen(known: Comparison, observation: Observation, champion: str) -> tuple[Comparison, bool]:
    """Having seen what an observation is about; and whether that counts: it is of these two, and new."""
    contest = known.contest
    if known.ended or (observation.version, champion) != (contest.challenge.version, contest.champion):
        return known, False
    place = f"{observation.topic}/{observation.partition}"
    arrival, progress = arrive(known.seen.get(place, PartitionProgress()), observation)
    return msgspec.structs.replace(known, seen={**known.seen, place: progress}), arrival is Arrival.NEW


def _conducted(known: Comparison, observation: Observation, conduct: Conduct) -> Comparison:
    known, counts = _seen(known, observation, conduct.champion)
    if not counts:
        return known
    conducted = (known.conduct or Conducted()).plus(conduct)
    why = known.out_of_band or why_out_of_band(conducted, known.contest.challenge) or ""
    return _with_what_follows(msgspec.structs.replace(known, conduct=conducted, out_of_band=why))


def _counted(known: Comparison, observation: Observation, pairs: Pairs) -> Comparison:
    known, counts = _seen(known, observation, pairs.champion)
    if not counts:
        return known
    counted = msgspec.structs.replace(
        known,
        counts=known.counts.plus(pairs.counts),
        first=observation.max_time if known.first is None else known.first,
        last=observation.max_time,
    )
    if counted.decided != "undecided":
        return counted
    verdict = counted.judgement().verdict
    if verdict == "undecided":
        return counted
    return _with_what_follows(msgspec.structs.replace(counted, decided=verdict, by=counted.counts))
