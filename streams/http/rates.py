"""How many requests an identity may send: a token bucket each, of a bounded number of identities. Pure."""

from __future__ import annotations

from collections import OrderedDict

MOST_IDENTITIES = 10_000
"""The one that asked longest ago is forgotten: its bucket is full again, or will be soon."""


class RateLimit:
    """`rate` requests a second in the long run, `burst` at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, float(burst)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Tokens left, and when that was."""

    def wait_s(self, identity: str, now: float) -> float:
        """Take a token: 0; or, where there is none, the seconds until there is one."""
        tokens, since = self._buckets.pop(identity, (self._burst, now))
        tokens = min(self._burst, tokens + max(0.0, now - since) * self._rate)
        taken = tokens >= 1.0
        self._buckets[identity] = (tokens - 1.0 if taken else tokens, now)
        if len(self._buckets) > MOST_IDENTITIES:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1.0 - tokens) / self._rate

    def is_used_up(self, identity: str, now: float) -> bool:
        """Whether there is no token. Takes none."""
        tokens, since = self._buckets.get(identity, (self._burst, now))
        return tokens + max(0.0, now - since) * self._rate < 1.0

    @property
    def identities(self) -> int:
        """How many are remembered."""
        return len(self._buckets)
