"""From settings to the guards of the two webs of a worker."""

from __future__ import annotations

import time

from streams.http.guard import EVERYTHING, Guard, Identify, NotIdentified
from streams.http.key_file import KeyFile
from streams.http.keys import Caller, KeyFileInvalid, Scope, caller_of
from streams.http.rates import RateLimit
from streams.settings import Settings, SettingsError
from streams.settings.door import is_loopback
from streams.settings.problems import problem_at

MOST_ADMIN_REQUESTS = 64
"""At once; those about health not counted."""


def identify_by(settings: Settings) -> Identify | None:
    """Whose a credential is; None where there are none. Raises SettingsError for a key file that cannot be read."""
    path = settings.http.keys_file
    if path is None:
        return None
    try:
        file = KeyFile(path, time.monotonic)
    except (OSError, KeyFileInvalid) as error:
        rule = f"a readable file of keys ({getattr(error, 'strerror', None) or error})"
        fix = "correct the path, or make keys with `weir key new`"
        raise SettingsError([problem_at(settings, "http.keys_file", rule, fix)]) from error

    def identify(credential: str) -> Caller:
        caller = caller_of(file.keys(), credential)
        if caller is None:
            raise NotIdentified("the key is not valid")
        return caller

    return identify


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
