"""Whose a token is, and what is none."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from streams.http.guard import NotIdentified
from streams.http.keys import Caller, Scope
from streams.http.signing_keys import OF_RSA, SigningKeysInvalid, read_signing_keys
from streams.http.tokens import LEEWAY_S, TokenRules, token_identifier
from tests.unit.http.token_kit import AUDIENCE, EC, ED, ISSUER, OTHER_RSA, RSA, claims, jwks, public, token

KEYS = read_signing_keys(
    jwks(public(RSA, kid="r"), public(EC, kid="e", alg="ES256"), public(ED, kid="d", use="sig", key_ops=["verify"]))
)
identify = token_identifier(KEYS.find, TokenRules(AUDIENCE, ISSUER))


def encoded(part: Any) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")


@pytest.mark.parametrize(
    "good",
    [
        *({"algorithm": algorithm} for algorithm in OF_RSA),
        {"key": EC, "algorithm": "ES256", "kid": "e"},
        {"key": ED, "algorithm": "EdDSA", "kid": "d"},
        {"aud": ["other", AUDIENCE]},
        {"exp_in": 10 - LEEWAY_S, "nbf_in": LEEWAY_S - 10},
    ],
)
def test_a_token_of_the_provider_tells_who_asks_and_what_it_may(good: dict[str, Any]) -> None:
    caller = identify(token(**good))
    assert caller == Caller("ann", frozenset({Scope.PREDICT}), "token")
    assert caller.identity != Caller("ann", frozenset(), "key").identity


@pytest.mark.parametrize(
    ("given", "prefix", "scopes"),
    [
        ({"scope": "read openid predict"}, "", {Scope.READ, Scope.PREDICT}),
        ({"scope": None, "scp": ["admin", 7, None]}, "", {Scope.ADMIN}),
        ({"scope": None, "scp": "read x"}, "", {Scope.READ}),
        ({"scope": "predict weir:read weir:administer"}, "weir:", {Scope.READ}),
        ({"scope": None}, "", set()),
        ({"scope": {"admin": True}}, "", set()),
        ({"scope": "predicted adminread"}, "", set()),
    ],
)
def test_scopes_are_words_of_scope_or_scp(given: dict[str, Any], prefix: str, scopes: set[Scope]) -> None:
    found = token_identifier(KEYS.find, TokenRules(AUDIENCE, ISSUER, prefix))(token(**given))
    assert found.scopes == scopes


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"exp_in": -LEEWAY_S - 5}, "has expired"),
        ({"nbf_in": LEEWAY_S + 60}, "not valid yet"),
        ({"aud": "https://other.example"}, "another audience"),
        ({"aud": []}, "not valid"),
        ({"iss": "https://issuer.example"}, "another issuer"),
        *(({name: None}, "not valid") for name in ("exp", "aud", "iss", "sub")),
        ({"exp": "soon"}, "not valid"),
        ({"exp": float("inf")}, "not valid"),
        ({"sub": ""}, "sub"),
        ({"sub": "x" * 256}, "sub"),
        ({"kid": "unknown"}, "names no key"),
        ({"kid": None}, "names no key"),
        ({"kid": "e"}, "names no key"),
        ({"key": OTHER_RSA}, "not valid"),
    ],
)
def test_what_is_no_token_for_here_is_refused_with_the_reason(changed: dict[str, Any], why: str) -> None:
    bad = token(**changed)
    with pytest.raises(NotIdentified, match=why) as raised:
        identify(bad)
    assert "ann" not in str(raised.value)
    assert bad not in str(raised.value)


@pytest.mark.parametrize("none", ["", ".", "a.b.c", "....", "x" * 8_000, "\0", "é.é.é"])
def test_what_is_no_token_at_all_is_refused(none: str) -> None:
    with pytest.raises(NotIdentified):
        identify(none)


def test_a_token_that_was_changed_is_refused() -> None:
    head, body, signature = token().split(".")
    other = encoded(claims(scope="admin")).decode()
    for changed in (f"{head}.{other}.{signature}", f"{head}.{body}.{signature[:-6]}AAAAAA", f"{head}.{body}."):
        with pytest.raises(NotIdentified, match="not valid"):
            identify(changed)


def signed_with_a_shared_secret(secret: bytes, kid: str) -> str:
    parts = encoded({"alg": "HS256", "typ": "JWT", "kid": kid}) + b"." + encoded(claims(scope="admin"))
    signature = hmac.digest(secret, parts, hashlib.sha256)
    return (parts + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def test_a_public_key_is_no_shared_secret_and_nothing_is_no_signature() -> None:
    encodings = {
        RSA.public_key().public_bytes(encoding, form)
        for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER)
        for form in (serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1)
    }
    forged = [signed_with_a_shared_secret(secret, kid) for secret in {*encodings, b"", b"r"} for kid in ("r", "e", "x")]
    for algorithm in ("none", "None", "NONE", ""):
        parts = encoded({"alg": algorithm, "kid": "r"}) + b"." + encoded(claims(scope="admin")) + b"."
        forged.append(parts.decode())
    for each in forged:
        with pytest.raises(NotIdentified):
            identify(each)


def test_a_key_that_names_its_algorithm_verifies_no_other() -> None:
    only = read_signing_keys(jwks(public(RSA, kid="r", alg="PS256")))
    by = token_identifier(only.find, TokenRules(AUDIENCE, ISSUER))
    assert by(token(algorithm="PS256")).name == "ann"
    with pytest.raises(NotIdentified):
        by(token(algorithm="RS256"))


@pytest.mark.parametrize("extra", [{"crit": ["exp"]}, {"crit": ["x"], "x": 1}, {"b64": False, "crit": ["b64"]}])
def test_a_token_whose_head_demands_what_is_not_known_is_refused(extra: dict[str, Any]) -> None:
    demanding = jwt.api_jws.encode(json.dumps(claims()).encode(), RSA, "RS256", {"kid": "r", **extra})
    with pytest.raises(NotIdentified):
        identify(demanding)


def test_the_only_key_needs_no_name() -> None:
    only = read_signing_keys(jwks(public(EC)))
    assert token_identifier(only.find, TokenRules(AUDIENCE, ISSUER))(token(EC, "ES256", None)).name == "ann"


SYMMETRIC = {"kty": "oct", "k": "c2VjcmV0", "kid": "o", "alg": "HS256"}


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b'{"keys": 1}',
        jwks(),
        jwks(SYMMETRIC),
        jwks(public(RSA, use="enc")),
        jwks(public(RSA, key_ops=["encrypt"])),
        jwks(public(RSA, alg="HS256")),
        jwks(public(RSA, alg="none")),
        jwks(public(EC, crv="secp256k1")),
        jwks(public(EC, x="AAAA")),
        jwks(public(rsa.generate_private_key(65_537, 1_024))),
        jwks(*[public(EC)] * 101),
        b'{"keys": [' + b"[" * 100_000,
        b" " * 2_000_000,
    ],
)
def test_a_document_without_a_usable_key_is_refused_and_not_shown(document: bytes) -> None:
    with pytest.raises(SigningKeysInvalid) as raised:
        read_signing_keys(document)
    assert "c2VjcmV0" not in str(raised.value)


def test_unusable_keys_beside_a_usable_one_are_left_out_and_a_private_half_is_not_kept() -> None:
    private = {**public(EC, kid="e"), "d": "x" * 43}
    keys = read_signing_keys(jwks(SYMMETRIC, private, {"kty": 7}))
    assert len(keys) == 1
    found = keys.find("e", "ES256")
    assert found is not None and not hasattr(found.key, "sign")
    assert keys.find("o", "HS256") is None


WORDS = st.one_of(
    st.none(), st.text(), st.integers(), st.floats(), st.sampled_from(["RS256", "r"]), st.lists(st.text())
)
HEADS = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "exp"]), WORDS)
PARTS = st.one_of(st.binary(max_size=60), st.sampled_from(token().encode().split(b".")[:2]), st.builds(encoded, HEADS))


@given(st.lists(PARTS, max_size=5))
def test_any_text_without_the_provider_s_signature_is_nobody_s(parts: list[bytes]) -> None:
    with pytest.raises(NotIdentified):
        identify(b".".join(parts).decode("latin-1"))


@pytest.mark.parametrize(
    ("kind", "gives"),
    [
        (None, True),
        ("JWT", True),
        ("application/at+jwt", True),
        ("logout+jwt", False),
        ("dpop+jwt", False),
        (7, False),
    ],
)
def test_a_token_of_another_type_gives_no_access(kind: object, gives: bool) -> None:
    made = jwt.encode(claims(), RSA, "RS256", {"kid": "r", "typ": kind})
    if gives:
        assert identify(made).name == "ann"
    else:
        with pytest.raises(NotIdentified):
            identify(made)
