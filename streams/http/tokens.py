"""JWT bearer tokens (RFC 7519, RFC 9068): who a caller is by the word of an identity provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import jwt

from streams.http.guard import NotIdentified
from streams.http.keys import Caller, Scope
from streams.http.signing_keys import ALGORITHMS

LEEWAY_S = 30
"""By so much may the clocks of provider and worker differ."""

TYPES = frozenset({"jwt", "at+jwt"})
"""``typ`` of a token that gives access (RFC 9068, RFC 8725 3.11); one that does not say is taken, too."""

MOST_SUBJECT = 255
"""Characters of `sub`, as in OpenID Connect."""


class FindKey(Protocol):
    """Gives what verifies a token that names this key and algorithm, or None. Raises Refusal: 503, while it has to be
    asked for."""

    def __call__(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None: ...


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must say. `scope_prefix` stands before each scope of ours, as in ``weir:predict``."""

    audience: str
    issuer: str
    scope_prefix: str = ""


def token_identifier(find_key: FindKey, rules: TokenRules) -> Callable[[str], Caller]:
    """Whose a token is: its subject, with the scopes that the provider gave. Raises NotIdentified, and what `find_key`
    raises."""

    def identify(token: str) -> Caller:
        claims = _claims(token, find_key, rules)
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= MOST_SUBJECT:
            raise NotIdentified(f"the token's sub is no text of up to {MOST_SUBJECT} characters")
        return Caller(subject, scopes_of(claims, rules.scope_prefix), "token")

    return identify


def scopes_of(claims: Mapping[str, Any], prefix: str) -> frozenset[Scope]:
    """Ours among those of ``scope`` (RFC 8693: words with spaces between) and ``scp`` (the same, or a list)."""
    words: list[object] = []
    for given in (claims.get("scope"), claims.get("scp")):
        words += given.split() if isinstance(given, str) else given if isinstance(given, list) else []
    return frozenset(scope for scope in Scope if f"{prefix}{scope}" in words)


def _claims(token: str, find_key: FindKey, rules: TokenRules) -> dict[str, Any]:
    try:
        head = jwt.get_unverified_header(token)
        algorithm, key_id = head.get("alg"), head.get("kid")
        if str(head.get("typ", "JWT")).lower().removeprefix("application/") not in TYPES:
            raise NotIdentified("the token is of a type that gives no access, as an ID token or a logout token")
        if algorithm not in ALGORITHMS:
            raise NotIdentified("the token is not signed by an algorithm that is taken here")
        key = find_key(key_id, algorithm)
        if key is None:
            raise NotIdentified("the token names no key of the identity provider")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=rules.audience,
            issuer=rules.issuer,
            leeway=LEEWAY_S,
            options={"require": ["exp", "aud", "iss", "sub"]},
        )
    except jwt.ExpiredSignatureError:
        raise NotIdentified("the token has expired") from None
    except jwt.ImmatureSignatureError:
        raise NotIdentified("the token is not valid yet") from None
    except jwt.InvalidAudienceError:
        raise NotIdentified("the token is for another audience") from None
    except jwt.InvalidIssuerError:
        raise NotIdentified("the token is of another issuer") from None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError):
        raise NotIdentified("the token is not valid") from None
    return claims
