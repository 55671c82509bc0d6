"""An identity provider: keys, the JWKS of their public halves, and tokens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE, ISSUER = "https://weir.example", "https://issuer.example/"

RSA = rsa.generate_private_key(65_537, 2_048)
OTHER_RSA = rsa.generate_private_key(65_537, 2_048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def public(key: Any, **members: Any) -> dict[str, Any]:
    """The JWK of a key's public half."""
    to_jwk: Callable[..., dict[str, Any]]
    if isinstance(key, rsa.RSAPrivateKey):
        to_jwk = RSAAlgorithm.to_jwk
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        to_jwk = ECAlgorithm.to_jwk
    else:
        to_jwk = OKPAlgorithm.to_jwk
    return {**to_jwk(key.public_key(), as_dict=True), **members}


def jwks(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


def claims(*, exp_in: float = 300, nbf_in: float = 0, **changed: Any) -> dict[str, Any]:
    """Those of a good token; None takes one away. `exp_in`, `nbf_in`: seconds from now."""
    now = int(time.time())
    times = {"iat": now, "exp": now + exp_in, "nbf": now + nbf_in}
    whole = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", **times, "scope": "predict", **changed}
    return {name: value for name, value in whole.items() if value is not None}


def token(key: Any = RSA, algorithm: str = "RS256", kid: str | None = "r", **changed: Any) -> str:
    return jwt.encode(claims(**changed), key, algorithm, {} if kid is None else {"kid": kid})
