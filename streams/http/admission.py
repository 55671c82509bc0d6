"""From settings to the guards of the two webs of a worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from streams.http.credentials import MOST_CHARACTERS
from streams.http.guard import EVERYTHING, Guard, Identify, NotIdentified
from streams.http.keys import KEY_PREFIX, Caller, Scope, caller_of, read_keys
from streams.http.provider import ProviderKeys
from streams.http.rates import RateLimit
from streams.http.signing_keys import SigningKeys, read_signing_keys
from streams.http.tokens import FindKey, TokenRules, token_identifier
from streams.http.watched_file import WatchedFile
from streams.settings import Settings, SettingsError
from streams.settings.door import is_loopback
from streams.settings.problems import problem_at

Content = TypeVar("Content")

MOST_ADMIN_REQUESTS = 64
"""At once; those about health not counted."""


def identify_by(settings: Settings) -> Identify | None:
    """Whose a credential is, a key or a token; None where neither is taken. Begins to fetch the keys of an identity
    provider. Raises SettingsError for a file that cannot be used."""
    by_key, by_token = _by_key(settings), _by_token(settings)
    if by_key is None and by_token is None:
        return None

    def identify(credential: str) -> Caller:
        by = by_key if credential.startswith(KEY_PREFIX) else by_token
        if by is None or len(credential) > MOST_CHARACTERS:
            raise NotIdentified("the key is not valid" if by_key else "the token is not valid")
        return by(credential)

    return identify


def check_identities(settings: Settings) -> None:
    """Whether the files that say who may ask can be used. Raises SettingsError."""
    _by_key(settings)
    _token_file(settings)


def _by_key(settings: Settings) -> Identify | None:
    path = settings.http.keys_file
    if path is None:
        return None
    fix = "correct the path, or make keys with `weir key new`"
    file = _watched(settings, "http.keys_file", "key file", path, read_keys, fix)

    def identify(credential: str) -> Caller:
        caller = caller_of(file.content(), credential)
        if caller is None:
            raise NotIdentified("the key is not valid")
        return caller

    return identify


def _by_token(settings: Settings) -> Identify | None:
    http = settings.http
    find_key: FindKey
    if (file := _token_file(settings)) is not None:
        find_key = lambda key_id, algorithm: file.content().find(key_id, algorithm)  # noqa: E731
    elif http.jwt_keys_url is not None:
        find_key = ProviderKeys(http.jwt_keys_url, time.monotonic).find
    else:
        return None
    assert http.jwt_audience is not None and http.jwt_issuer is not None, "the settings require both"
    return token_identifier(find_key, TokenRules(http.jwt_audience, http.jwt_issuer, http.jwt_scope_prefix))


def _token_file(settings: Settings) -> WatchedFile[SigningKeys] | None:
    path = settings.http.jwt_keys_file
    if path is None:
        return None
    fix = "correct the path, or save what the identity provider answers at its jwks_uri there"
    return _watched(settings, "http.jwt_keys_file", "file of signing keys", path, read_signing_keys, fix)


def _watched(
    settings: Settings, key: str, what: str, path: Path, parse: Callable[[bytes], Content], fix: str
) -> WatchedFile[Content]:
    """Raises SettingsError."""
    try:
        return WatchedFile(path, what, parse, time.monotonic)
    except (OSError, ValueError) as error:
        rule = f"a readable {what} ({getattr(error, 'strerror', None) or error})"
        raise SettingsError([problem_at(settings, key, rule, fix)]) from error


def door_guard(settings: Settings, identify: Identify | None) -> Guard:
    """Without keys everybody may ask everything, and is told apart by address."""
    http = settings.http
    return Guard(
        table="http",
        identify=identify,
        anonymous=EVERYTHING if identify is None else frozenset(),
        any_host=http.allow_anonymous,
        rate=None if http.rate_per_s is None else RateLimit(http.rate_per_s, http.burst),
        max_in_flight=http.max_in_flight,
        clock=time.monotonic,
    )


def admin_guard(settings: Settings, identify: Identify | None) -> Guard:
    """On loopback everybody may read, and without keys do everything. Beyond it nothing goes without a key, unless
    `admin.allow_anonymous` lets everybody read; then acting takes a key everywhere."""
    admin = settings.admin
    if is_loopback(admin.host) and identify is None and not admin.allow_anonymous:
        anonymous = EVERYTHING
    elif is_loopback(admin.host) or admin.allow_anonymous:
        anonymous = frozenset({Scope.READ})
    else:
        anonymous = frozenset()
    return Guard(
        table="admin",
        identify=identify,
        anonymous=anonymous,
        any_host=admin.allow_anonymous,
        browsers=True,
        rate=None,
        max_in_flight=MOST_ADMIN_REQUESTS,
        clock=time.monotonic,
    )


def private_guard() -> Guard:
    """For a socket that only the process of a supervisor reaches: it asked who asks."""
    return Guard(
        table="admin",
        identify=None,
        anonymous=EVERYTHING,
        any_host=True,
        rate=None,
        max_in_flight=MOST_ADMIN_REQUESTS,
        clock=time.monotonic,
    )
