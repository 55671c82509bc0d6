"""What pairs in the log of observations come to, and what the policy of a challenge proposes then."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

from drift.challenge import PairCounts
from drift.comparison import Comparison, observed
from drift.observation import Observation
from drift.paired_test import Verdict, judge
from streams.control_records import Proposal, encode_proposal, proposal_key, setting_of
from streams.records import OutboxRecord
from streams.serving_commands import POLICY, EndChallenge, Promote, ServingCommand


def compared(
    known: Mapping[str, Comparison], observations: Sequence[Observation]
) -> tuple[dict[str, Comparison], list[tuple[str, Comparison]]]:
    """By model what changed with observations of the stream of pairs, in their order, and those that were decided: a
    verdict was reached, may be acted upon now, or the band was left."""
    changes: dict[str, Comparison] = {}
    decided: list[tuple[str, Comparison]] = []
    for observation in observations:
        model = observation.model
        before = changes.get(model, known.get(model))
        after = observed(before, observation)
        if after is None:
            continue
        changes[model] = after
        stood = None if before is None or before.contest != after.contest else before
        if _found(after) != _found(stood or Comparison(after.contest)) and not after.ended:
            decided.append((model, after))
    return changes, decided


def _found(comparison: Comparison) -> tuple[Verdict, str, bool]:
    return comparison.decided, comparison.out_of_band, comparison.promotable


def proposed(model: str, decided: Comparison, control_topic: str) -> OutboxRecord | None:
    """What a challenge that was decided leads to; None where people decide, or while too much is missed to promote it.

    On the revision that the challenge has, so that it is refused where somebody decided otherwise meanwhile.
    """
    contest = decided.contest
    challenge = contest.challenge
    reason = verdict_words(decided)
    command: ServingCommand
    if decided.out_of_band or (challenge.policy == "promote" and decided.decided == "worse"):
        command = EndChallenge(POLICY, reason)
    elif decided.promotable:
        command = Promote(POLICY, challenge.version, reason)
    else:
        return None
    setting = setting_of(model, command)
    # Of two models that are decided at the same revision each has an answer of its own.
    digest = hashlib.blake2b(model.encode(), digest_size=8).hexdigest()
    key = proposal_key(setting, f"{POLICY}-{contest.revision}-{digest}")
    return OutboxRecord(control_topic, key, encode_proposal(Proposal(model, contest.revision), command))


def verdict_words(decided: Comparison) -> str:
    """What was found, and on what grounds."""
    contest, by = decided.contest, decided.by or PairCounts()
    challenge = contest.challenge
    if decided.out_of_band:
        return f"{challenge.version} is out of its band: {decided.out_of_band} (error {challenge.error:g})"
    found = judge(by, error=challenge.error, least=challenge.pairs)
    nats = found.evidence.better if decided.decided == "better" else found.evidence.worse
    words = (
        f"{challenge.version} is {decided.decided} than {contest.champion}: of {by.total} labelled pairs it was better "
        f"in {by.better} and worse in {by.worse}; e-value 10^{nats / math.log(10):.1f}, error {challenge.error:g}"
    )
    if challenge.policy != "promote" or decided.decided != "better" or decided.promotable:
        return words
    missed = f"{decided.conduct.missed_share:.2%} of the rows" if decided.conduct else "nobody knows how much"
    return f"{words}; not promoted while it misses {missed}, at most {challenge.failures:g} is allowed"
