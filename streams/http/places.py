"""Room for the requests that are worked on at once, and how much of it one caller may have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from streams.http.keys import Caller
from streams.http.problems import Refusal

RETRY_S = 1.0


class Places:
    """`most` in all, and `share` for one caller, which is half of it and one at least.

    Callers with a key or a token have no more than their share. Who is known by its address alone may be a proxy with
    everybody behind it: it may have them all, but not more than its share with bodies that are still coming.
    """

    def __init__(self, most: int) -> None:
        self._most, self.share = most, max(1, most // 2)
        self.taken = 0
        self._by_caller: Counter[str] = Counter()
        self._arriving: Counter[str] = Counter()

    @contextmanager
    def one(self, caller: Caller) -> Iterator[None]:
        """For a request. Raises Refusal: 429, 503."""
        if self.taken >= self._most:
            raise Refusal(503, "too many requests at once", retry_after_s=RETRY_S)
        self.taken += 1
        try:
            if caller.by == "address":  # without a manager more: each costs a microsecond of every request
                yield
            else:
                with self._shared(self._by_caller, caller, "requests"):
                    yield
        finally:
            self.taken -= 1

    @contextmanager
    def arriving(self, caller: Caller) -> Iterator[None]:
        """While the body of a request comes. Raises Refusal: 429."""
        if caller.by == "address":
            with self._shared(self._arriving, caller, "bodies that are still coming"):
                yield
        else:
            yield

    @contextmanager
    def _shared(self, counts: Counter[str], caller: Caller, what: str) -> Iterator[None]:
        who = caller.identity
        if counts[who] >= self.share:
            detail = f"{self.share} {what} of this caller are here already, which is all that one may have"
            raise Refusal(429, detail, retry_after_s=RETRY_S)
        counts[who] += 1
        try:
            yield
        finally:
            counts[who] -= 1
            if counts[who] == 0:
                del counts[who]
