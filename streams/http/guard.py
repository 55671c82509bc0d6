"""Who may ask what, how often, and how many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from aiohttp import web

from streams.http.keys import Caller, KeyRecord, Scope, caller_of
from streams.http.problems import Refusal
from streams.http.rates import RateLimit

SHED_RETRY_S = 1.0


class Guard:
    """Stands before every route but those about health."""

    def __init__(
        self,
        *,
        keys: Callable[[], Mapping[str, KeyRecord]] | None,
        rate: RateLimit | None,
        max_in_flight: int,
        clock: Callable[[], float],
    ) -> None:
        """Without `keys` everybody may ask everything, and is told apart by address."""
        self._keys, self._rate, self._most, self._clock = keys, rate, max_in_flight, clock
        self.in_flight = 0
        """Requests that are worked on."""

    def admit(self, request: web.Request, scope: Scope) -> None:
        """Let a request in. Raises Refusal: 401, 403, 429."""
        caller = self._caller(request)
        if not caller.may(scope):
            raise Refusal(403, f"the key may not do this; it takes one with the scope {scope}")
        if self._rate is not None:
            wait_s = self._rate.wait_s(caller.name, self._clock())
            if wait_s > 0:
                raise Refusal(429, "more requests than http.rate_per_s allows", retry_after_s=wait_s)

    @contextmanager
    def place(self) -> Iterator[None]:
        """One of the places for requests that are worked on. Raises Refusal: 503."""
        if self.in_flight >= self._most:
            raise Refusal(503, "too many requests at once", retry_after_s=SHED_RETRY_S)
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    def _caller(self, request: web.Request) -> Caller:
        if self._keys is None:
            return Caller(request.remote or "unknown", frozenset(Scope))
        presented = _presented(request)
        caller = caller_of(self._keys(), presented) if presented is not None else None
        if caller is None:
            what = "there is no key" if presented is None else "the key is not valid"
            detail = f"{what}; send Authorization: Bearer, or X-API-Key"
            raise Refusal(401, detail, headers={"WWW-Authenticate": "Bearer"})
        return caller


def _presented(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return request.headers.get("X-API-Key")
