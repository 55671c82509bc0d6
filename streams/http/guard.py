"""Who may ask what, how often, and how many at once."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

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
        any_host: bool,
    ) -> None:
        """Without `keys` everybody may ask everything, and is told apart by address. Not `any_host`: only who asks an
        address or localhost."""
        self._any_host = any_host
        self._keys, self._rate, self._most, self._clock = keys, rate, max_in_flight, clock
        self.in_flight = 0
        """Requests that are worked on."""

    def admit(self, request: web.BaseRequest, scope: Scope) -> None:
        """Let a request in. Raises Refusal: 401, 403, 421, 429."""
        if not (self._any_host or _is_address_or_localhost(request.headers.get("Host", "localhost"))):
            detail = "without keys the door is asked by its address or as localhost; or set http.allow_anonymous"
            raise Refusal(421, detail)
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

    def _caller(self, request: web.BaseRequest) -> Caller:
        if self._keys is None:
            return Caller(request.remote or "unknown", frozenset(Scope))
        presented = _presented(request)
        caller = caller_of(self._keys(), presented) if presented is not None else None
        if caller is None:
            what = "there is no key" if presented is None else "the key is not valid"
            detail = f"{what}; send Authorization: Bearer, or X-API-Key"
            raise Refusal(401, detail, headers={"WWW-Authenticate": "Bearer"})
        return caller


def _is_address_or_localhost(host: str) -> bool:
    """Any other name may be a stranger's, made to lead here: a page of that name would be of the door's own origin."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _presented(request: web.BaseRequest) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return request.headers.get("X-API-Key")
