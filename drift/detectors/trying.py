"""Tries a detector out before anything is watched: does it take its values, and answer from these alone?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from drift.detectors.contract import ChangeDetector
from drift.detectors.feed import Feed


def try_out(make: Callable[[], ChangeDetector], feed: Feed, *, known: bool) -> None:
    """Some parameters of a wrong type are met by the first values only. One that is not `known` to be deterministic
    must give the same answers again while another, fed other values, goes on beside it: that is what makes copies and
    restarts exact. Raises what the detector raises, and ValueError."""
    values = (*feed.prime, *feed.trial)
    answers = list(_answers(make(), values))
    if known:
        return
    beside = zip(_answers(make(), values), _answers(make(), values[::-1]), strict=True)
    for place, (answer, (again, _)) in enumerate(zip(answers, beside, strict=True), 1):
        if answer != again:
            raise ValueError(
                f"the same values got another answer, first at value {place}: a detector must answer from its own"
                " values alone, without a clock, unseeded randomness, or anything kept on the class or module"
            )


def _answers(detector: ChangeDetector, values: Sequence[float]) -> Iterator[bool]:
    for value in values:
        detector.update(value)
        yield bool(detector.drift_detected)
