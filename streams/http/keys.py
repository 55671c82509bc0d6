"""API keys: who a caller is and what it may do. Pure, but for the randomness of a new key.

A key is ``weir_<id>_<secret>``. The file has a JSON object a line: the id, a name, its scopes, a salt, and the SHA-256
of salt and secret. The secret has 256 random bits, so a fast hash is as good as a slow one: there is nothing to guess.
Several keys may have one name: so a key is replaced without a moment in which none is valid.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

KEY_PREFIX = "weir_"
SECRET = re.compile(KEY_PREFIX + r"([0-9a-f]{16})_([A-Za-z0-9_-]{43})\Z")
MOST_KEYS = 10_000


class Scope(StrEnum):
    """What a key is good for; `admin` includes the others."""

    PREDICT = "predict"
    READ = "read"
    ADMIN = "admin"


class KeyRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the file. Nothing in it opens a door."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]
    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")]
    scopes: Annotated[tuple[Scope, ...], msgspec.Meta(min_length=1)]
    salt: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Caller(msgspec.Struct, frozen=True):
    """Who asks, and how it is known: by a key, a token, or, without either, its address alone."""

    name: str
    scopes: frozenset[Scope]
    by: Literal["key", "token", "address"] = "key"

    @property
    def identity(self) -> str:
        """Unlike that of any other caller: a token may name the same as a key."""
        return f"{self.by}:{self.name}"

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes


class KeyFileInvalid(ValueError):
    """A line of the key file is none. The text names the line, never what is in it."""


def new_key(name: str, scopes: tuple[Scope, ...]) -> tuple[str, KeyRecord]:
    """A key to hand out, and the line that lets it in. Raises msgspec.ValidationError for a name that is none."""
    key_id, secret, salt = secrets.token_hex(8), secrets.token_urlsafe(32), secrets.token_hex(16)
    record = KeyRecord(key_id, name, scopes, salt, _digest(salt, secret))
    return f"{KEY_PREFIX}{key_id}_{secret}", msgspec.convert(msgspec.to_builtins(record), KeyRecord)


def read_keys(text: bytes) -> dict[str, KeyRecord]:
    """The keys of a file by id; empty lines and those that begin with # are left out. Raises KeyFileInvalid."""
    decode = msgspec.json.Decoder(KeyRecord).decode
    found: dict[str, KeyRecord] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith(b"#"):
            continue
        try:
            record = decode(line)
        except (msgspec.MsgspecError, ValueError) as error:
            raise KeyFileInvalid(f"line {number} is no key; make one with `weir key new`") from error
        if record.id in found:
            raise KeyFileInvalid(f"line {number}: the id of a key before it")
        found[record.id] = record
    if len(found) > MOST_KEYS:
        raise KeyFileInvalid(f"{len(found)} keys; at most {MOST_KEYS}")
    return found


def caller_of(keys: Mapping[str, KeyRecord], presented: str) -> Caller | None:
    """Whose key was presented; None: nobody's. How long it takes tells nothing about a secret."""
    match = SECRET.match(presented)
    if match is None:
        return None
    record = keys.get(match[1])
    if record is None or not hmac.compare_digest(_digest(record.salt, match[2]), record.sha256):
        return None
    return Caller(record.name, frozenset(record.scopes))


def _digest(salt: str, secret: str) -> str:
    return hashlib.sha256(bytes.fromhex(salt) + secret.encode()).hexdigest()
