"""Tokens of an identity provider at the door, beside keys."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from streams.http.admission import check_identities, identify_by
from streams.http.guard import NotIdentified
from streams.http.keys import Scope, new_key
from streams.settings import HttpSettings, Settings, SettingsError
from tests.unit.http.door_kit import House, Visitor, key_file
from tests.unit.http.token_kit import AUDIENCE, EC, ISSUER, OTHER_RSA, RSA, jwks, public, token
from tests.unit.pipeline.fakes import event

RULES = {"jwt_audience": AUDIENCE, "jwt_issuer": ISSUER}


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


@pytest.fixture
def provider(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    path.write_bytes(jwks(public(RSA, kid="r")))
    return path


def test_a_token_lets_in_with_its_scopes_beside_keys(provider: Path, tmp_path: Path) -> None:
    key, record = new_key("mobile", (Scope.READ,))
    house = House(jwt_keys_file=provider, keys_file=key_file(tmp_path, msgspec.json.encode(record)), **RULES)

    async def check(visitor: Visitor) -> None:
        async def statuses(credential: str) -> tuple[int, int]:
            predicted = await visitor.post("/predict", event(), **bearer(credential))
            return predicted.status, (await visitor.get("/metrics", **bearer(credential))).status

        assert await statuses(token()) == (200, 403)
        assert await statuses(token(scope="read")) == (403, 200)
        assert await statuses(token(scope=None, scp=["admin"])) == (200, 200)
        assert await statuses(token(scope="")) == (403, 403)
        assert await statuses(key) == (403, 200)
        expired = await visitor.post("/predict", event(), **bearer(token(exp_in=-120)))
        assert (expired.status, expired.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')
        assert "has expired" in expired.json["detail"]
        for none in (token(OTHER_RSA), token()[:-9], "x.y.z", ""):
            assert await statuses(none) == (401, 401)
        nobody = await visitor.post("/predict", event())
        assert (nobody.status, nobody.headers["WWW-Authenticate"]) == (401, "Bearer")

    house.visit(check)


def test_a_subject_has_a_rate_of_its_own(provider: Path, tmp_path: Path) -> None:
    key, record = new_key("ann", (Scope.PREDICT,))
    keys = key_file(tmp_path, msgspec.json.encode(record))
    house = House(jwt_keys_file=provider, keys_file=keys, rate_per_s=0.001, burst=1, **RULES)

    async def check(visitor: Visitor) -> None:
        async def status(credential: str) -> int:
            return (await visitor.post("/predict", event(), **bearer(credential))).status

        assert [await status(token()), await status(token(jti="another token"))] == [200, 429]
        assert await status(token(sub="ben")) == 200
        assert await status(key) == 200, "a key of the same name is somebody else"

    house.visit(check)


def test_while_the_provider_has_not_answered_a_token_is_told_to_come_again() -> None:
    house = House(jwt_keys_url="http://127.0.0.1:9/jwks", **RULES)

    async def check(visitor: Visitor) -> None:
        said = await visitor.post("/predict", event(), **bearer(token()))
        assert (said.status, said.headers["Retry-After"]) == (503, "1")
        assert "127.0.0.1" not in said.text
        assert (await visitor.get("/livez")).status == 200
        assert (await visitor.post("/predict", event(), **bearer("weir_x"))).status == 401

    house.visit(check)


def test_a_credential_is_looked_at_up_to_a_length(provider: Path) -> None:
    identify = identify_by(Settings(http=HttpSettings(jwt_keys_file=provider, **RULES)))
    assert identify is not None
    assert identify(token(more="x" * 5_000)).name == "ann"
    with pytest.raises(NotIdentified):
        identify(token(more="x" * 9_000))


def test_a_file_without_a_key_that_verifies_ends_the_start(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    for content in (None, b"{}", jwks({"kty": "oct", "k": "c2VjcmV0"})):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SettingsError, match=r"http\.jwt_keys_file") as raised:
            check_identities(Settings(http=HttpSettings(jwt_keys_file=path, **RULES)))
        assert "c2VjcmV0" not in str(raised.value)
    path.write_bytes(jwks(public(EC)))
    check_identities(Settings(http=HttpSettings(jwt_keys_file=path, **RULES)))
