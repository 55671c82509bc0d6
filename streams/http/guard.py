"""Who may ask what, how often, and how many at once.

It knows no web framework: a request is its method, head and address.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeAlias

from streams.http.credentials import Headers, presented
from streams.http.keys import Caller, Scope
from streams.http.origins import is_address_or_localhost, is_host, is_of_another_page
from streams.http.places import Places
from streams.http.problems import Refusal
from streams.http.rates import MOST_IDENTITIES, RateLimit

Identify: TypeAlias = Callable[[str], Caller]
"""Whose a credential is. Raises NotIdentified; Refusal: 503, where that cannot be told yet."""

EVERYTHING = frozenset(Scope)

REFUSED_PER_S, REFUSED_AT_ONCE, LATE_S = 20.0, 50, 0.5
"""An address that is refused more often than that hears it late: a flood that waits for its answers is a trickle then.
Who is let in does not notice, not even behind the same proxy."""

VERIFIED_PER_S, VERIFIED_AT_ONCE = 100.0, 100
"""Credentials of such an address that are looked at all the same: whose token is new is let in behind a proxy, too."""


class NotIdentified(Exception):
    """A credential that is nobody's; the text says why, and nothing of the credential."""


class Guard:
    """Stands before every route but those about health."""

    def __init__(
        self,
        *,
        table: str,
        identify: Identify | None,
        anonymous: frozenset[Scope],
        any_host: bool,
        browsers: bool = False,
        rate: RateLimit | None,
        max_in_flight: int,
        clock: Callable[[], float],
    ) -> None:
        """`table`: of the settings, for what is said. `anonymous`: what may be asked without a credential, by who asks
        an address or localhost, or with `any_host` by any name. `browsers`: they are asked for a password, and may not
        be led here by another page."""
        self._table, self._identify, self._anonymous = table, identify, anonymous
        self._any_host, self._browsers = any_host, browsers
        self._rate, self._clock = rate, clock
        self._refusals = RateLimit(REFUSED_PER_S, REFUSED_AT_ONCE)
        self._verified = RateLimit(VERIFIED_PER_S, VERIFIED_AT_ONCE)
        self._good: OrderedDict[int, None] = OrderedDict()
        """Hashes of the credentials that were somebody's; the one that was used longest ago is forgotten."""
        self.places = Places(max_in_flight)

    def admit(self, scope: Scope, *, method: str, headers: Headers, remote: str | None) -> Caller:
        """Let a request in, and tell whose it is. Raises Refusal: 400, 401, 403, 421, 429, 503."""
        try:
            caller = self.identify(scope, headers=headers, remote=remote)
            self.permit(caller, scope, method=method, headers=headers)
        except Refusal as refusal:
            self.count(refusal, remote)
            raise
        return caller

    def count(self, refusal: Refusal, remote: str | None) -> None:
        """Note that an address was refused, and whether it is to hear so late."""
        if self._refusals.wait_s(remote or "unknown", self._clock()) > 0:
            refusal.late_s = LATE_S

    def identify(self, scope: Scope, *, headers: Headers, remote: str | None) -> Caller:
        """Whose a request is. Raises Refusal: 400, 401, 421, 429; 503 where that is not known yet."""
        credential = None if self._identify is None else presented(headers, basic=self._browsers)
        if self._identify is None or credential is None:
            caller = self._stranger(scope, headers, remote)
        else:
            caller = self._holder(self._identify, credential, remote or "unknown")
        if not is_host(headers.get("Host", "")):
            raise Refusal(400, "Host is no host and port")
        return caller

    def _holder(self, identify: Identify, credential: str, remote: str) -> Caller:
        """Whose a credential is. To verify a signature takes up to a millisecond of the event loop, so where an address
        used up its refusals, that is done only so often for credentials that were nobody's so far."""
        mark, now = hash(credential), self._clock()
        if mark not in self._good and self._refusals.is_used_up(remote, now):
            wait_s = self._verified.wait_s(remote, now)
            if wait_s > 0:
                raise Refusal(429, "too many wrong credentials came from this address", retry_after_s=wait_s)
        try:
            caller = identify(credential)
        except NotIdentified as error:
            self._good.pop(mark, None)
            raise self._unauthorized(str(error), ' error="invalid_token"') from None
        self._good[mark] = None
        self._good.move_to_end(mark)
        if len(self._good) > MOST_IDENTITIES:
            self._good.popitem(last=False)
        return caller

    def permit(self, caller: Caller, scope: Scope, *, method: str, headers: Headers) -> None:
        """Whether a caller may do this, and now. Raises Refusal: 403, 429."""
        if not caller.may(scope):
            raise Refusal(403, f"the key may not do this; it takes one with the scope {scope}")
        if self._browsers and is_of_another_page(method, headers):
            raise Refusal(403, "a page of another origin sent this; open the page of this address")
        if self._rate is not None:
            wait_s = self._rate.wait_s(caller.identity, self._clock())
            if wait_s > 0:
                raise Refusal(429, f"more requests than {self._table}.rate_per_s allows", retry_after_s=wait_s)

    def _stranger(self, scope: Scope, headers: Headers, remote: str | None) -> Caller:
        if scope not in self._anonymous:
            raise self._unauthorized("there is no key" if self._identify else "this takes a key: set http.keys_file")
        if not (self._any_host or is_address_or_localhost(headers.get("Host", "localhost"))):
            detail = "without keys this is asked by its address or as localhost"
            raise Refusal(421, f"{detail}; or set {self._table}.allow_anonymous")
        return Caller(remote or "unknown", self._anonymous, "address")

    def _unauthorized(self, what: str, error: str = "") -> Refusal:
        """With the challenge of RFC 6750, which tells a client whether another credential could help."""
        challenge = f"""{'Basic realm="weir", ' if self._browsers else ""}Bearer{error}"""
        detail = f"{what}; send Authorization: Bearer, or X-API-Key"
        return Refusal(401, detail, headers={"WWW-Authenticate": challenge})
