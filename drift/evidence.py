"""The evidence that a signal left its reference, block after block: a two-sided CUSUM of log-likelihood ratios.

Page's CUSUM (1954) of "moved by what is material" against "did not move". Before any change it takes A blocks or more,
on average, to reach log(A) (Lorden 1971; as an e-detector: Shin, Ramdas and Rinaldo 2022). So a budget of false alarms
in wall-clock time gives the threshold, for any number of signals.
"""

from __future__ import annotations

import math

import msgspec

DAY_MS = 86_400_000


class Side(msgspec.Struct, frozen=True):
    """Evidence of one direction in nats, 0 at the least, and no more than the threshold, so that it ebbs soon. `since`:
    start of the block that it began with, in ms."""

    nats: float = 0.0
    since: int = 0

    def plus(self, gain: float, start: int, threshold: float) -> Side:
        nats = min(self.nats + gain, threshold)
        if nats <= 0:
            return NONE
        return Side(nats, self.since if self.nats else start)


NONE = Side()


class Evidence(msgspec.Struct, frozen=True):
    """Of a rise and of a fall."""

    rise: Side = NONE
    fall: Side = NONE

    def plus(self, gains: tuple[float, float], start: int, threshold: float) -> Evidence:
        """With what a block that begins at `start` tells."""
        rise, fall = gains
        return Evidence(self.rise.plus(rise, start, threshold), self.fall.plus(fall, start, threshold))

    @property
    def most(self) -> Side:
        return max(self.rise, self.fall, key=lambda side: side.nats)


def threshold_nats(days: float, slice_ms: int, sides: int) -> float:
    """What one of `sides` CUSUMs needs, so that all of them together raise one false alarm in so many days at most.

    No block is shorter than a slice, which bounds how many there are in a day at any rate of events.
    """
    return math.log(max(1.0, days * DAY_MS / slice_ms) * max(1, sides))


def of_mean(n: int, distance: float, least: float, skewness: float, inflation: float) -> float:
    """Log-likelihood ratio of a mean that rose by `least` standard deviations, given n values with a mean so far above
    the expected one. `inflation`: variance of means over that of independent values."""
    # With a long tail on the other side the series alone would say that every block is evidence.
    tilt = max(least * least / 2 + skewness * least**3 / 6, least * least / 4)
    return n * (least * distance - tilt) / inflation


def of_share(n: int, share: float, before: float, after: float, inflation: float) -> float:
    """The same of a share: `after` against `before`, both strictly between 0 and 1."""
    gain = share * math.log(after / before) + (1 - share) * math.log((1 - after) / (1 - before))
    return n * gain / inflation
