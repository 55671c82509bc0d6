"""The public keys of an identity provider (JWKS, RFC 7517), by what tokens name: key and algorithm.

Only what verifies and cannot sign gets in. So a token can neither be signed with a public key taken for a secret
(HS256 with the text of an RSA key), nor by an algorithm that its key is not meant for (RFC 8725).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MOST_BYTES = 1_048_576
MOST_KEYS = 100
LEAST_RSA_BITS = 2_048

OF_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
OF_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
ALGORITHMS = frozenset({*OF_RSA, *OF_CURVE.values()})
"""What a token may be signed by: asymmetric alone; never ``none``, never a shared secret."""

PUBLIC_MEMBERS = ("kty", "n", "e", "crv", "x", "y")


class SigningKeysInvalid(ValueError):
    """No JWKS, or none of its keys can verify a token."""


class SigningKeys:
    """The keys of one document."""

    def __init__(self, keys: Sequence[tuple[str | None, Mapping[str, jwt.PyJWK]]]) -> None:
        """Of each key its id, and by algorithm what verifies."""
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        """What verifies a token that names this key; where it names none, the only key there is."""
        if key_id is None:
            return self._keys[0][1].get(algorithm) if len(self._keys) == 1 else None
        return next((by[algorithm] for name, by in self._keys if name == key_id and algorithm in by), None)


class _Document(msgspec.Struct):
    keys: list[dict[str, Any]]


_decode = msgspec.json.Decoder(_Document).decode


def read_signing_keys(document: bytes) -> SigningKeys:
    """Raises SigningKeysInvalid. Keys that are for something else than verifying tokens are left out."""
    if len(document) > MOST_BYTES:
        raise SigningKeysInvalid(f"more than {MOST_BYTES} bytes")
    try:
        listed = _decode(document).keys
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SigningKeysInvalid('no JSON object with a list "keys"') from error
    if len(listed) > MOST_KEYS:
        raise SigningKeysInvalid(f"{len(listed)} keys; at most {MOST_KEYS}")
    found = [usable for each in listed if (usable := _usable(each)) is not None]
    if not found:
        wanted = f"RSA of {LEAST_RSA_BITS} bits, {', '.join(OF_CURVE)}"
        raise SigningKeysInvalid(f"no public key that verifies tokens is in it ({wanted})")
    return SigningKeys(found)


def _usable(jwk: Mapping[str, Any]) -> tuple[str | None, Mapping[str, jwt.PyJWK]] | None:
    key_id, operations = jwk.get("kid"), jwk.get("key_ops")
    if jwk.get("use") not in (None, "sig") or not (key_id is None or isinstance(key_id, str)):
        return None
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        return None
    # Of a private key that somebody published by mistake the public half is taken.
    public = {name: jwk[name] for name in PUBLIC_MEMBERS if name in jwk}
    try:
        verifiers = {algorithm: jwt.PyJWK(public, algorithm) for algorithm in _algorithms(jwk)}
    except (
        jwt.PyJWTError,
        ValueError,
        TypeError,
        AttributeError,
    ):  # members that are no numbers, a point off the curve
        return None
    strong = all(_is_strong(each.key) for each in verifiers.values())
    return (key_id, verifiers) if verifiers and strong else None


def _is_strong(key: object) -> bool:
    return not isinstance(key, RSAPublicKey) or key.key_size >= LEAST_RSA_BITS


def _algorithms(jwk: Mapping[str, Any]) -> Iterator[str]:
    """That which the key names; where it names none, all of its kind."""
    if jwk.get("kty") == "RSA":
        fitting: tuple[str, ...] = OF_RSA
    elif jwk.get("kty") in {"EC", "OKP"} and jwk.get("crv") in OF_CURVE:
        fitting = (OF_CURVE[jwk["crv"]],)
    else:
        fitting = ()
    named = jwk.get("alg")
    return (each for each in fitting if named in (None, each))
