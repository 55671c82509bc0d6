"""Who the settings let in over HTTP."""

from __future__ import annotations

import pytest

from streams.settings import SettingsError, load_settings
from streams.settings.door import is_loopback


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def load(**http: str):
    return load_settings(environ={f"WEIR_HTTP__{key.upper()}": value for key, value in http.items()})


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("weir.example", False),
        ("localhost.example", False),
    ],
)
def test_what_only_this_machine_can_reach(host, local):
    assert is_loopback(host) is local


def test_a_door_that_others_reach_has_keys_or_somebody_said_that_it_has_none():
    with pytest.raises(SettingsError) as raised:
        load(host="0.0.0.0")
    assert [problem.key for problem in raised.value.problems] == ["http.host"]
    assert "http.keys_file" in str(raised.value)
    assert load().notes == ()
    assert load(host="0.0.0.0", keys_file="keys", tls_certificate="c", tls_key="k").notes == ()
    assert any("http.allow_anonymous" in note for note in load(host="0.0.0.0", allow_anonymous="true").notes)
    assert any("plain text" in note for note in load(host="0.0.0.0", keys_file="keys").notes)


@pytest.mark.parametrize(("one", "other"), [("tls_key", "tls_certificate"), ("tls_certificate", "tls_key")])
def test_half_a_tls_is_refused(one, other):
    with pytest.raises(SettingsError) as raised:
        load(**{one: "file"})
    assert [problem.key for problem in raised.value.problems] == [f"http.{other}"]


TOKENS = {"jwt_audience": "https://weir.example", "jwt_issuer": "https://issuer.example/"}


@pytest.mark.parametrize(
    ("http", "wrong"),
    [
        ({"jwt_keys_url": "https://issuer.example/jwks"}, ["http.jwt_audience", "http.jwt_issuer"]),
        ({"jwt_keys_file": "jwks.json", "jwt_issuer": "x"}, ["http.jwt_audience"]),
        (TOKENS, ["http.jwt_audience", "http.jwt_issuer"]),
        ({**TOKENS, "jwt_keys_url": "https://x", "jwt_keys_file": "y"}, ["http.jwt_keys_file"]),
        ({**TOKENS, "jwt_keys_url": "http://issuer.example/jwks"}, ["http.jwt_keys_url"]),
        ({**TOKENS, "jwt_keys_url": "http://["}, ["http.jwt_keys_url"]),
        ({"jwt_keys_url": "file:///etc/jwks"}, ["http.jwt_keys_url"]),
        ({**TOKENS, "jwt_keys_url": "http://127.0.0.1:8000/jwks"}, []),
        ({**TOKENS, "jwt_keys_url": "https://issuer.example/jwks"}, []),
        ({**TOKENS, "jwt_keys_file": "jwks.json"}, []),
    ],
)
def test_tokens_are_taken_for_somebody_and_by_somebody_over_a_safe_way(http, wrong):
    if not wrong:
        assert load(**http).http.identifies
        return
    with pytest.raises(SettingsError) as raised:
        load(**http)
    assert [problem.key for problem in raised.value.problems] == wrong


def test_tokens_are_enough_for_a_door_that_others_reach():
    tls = {"tls_certificate": "c", "tls_key": "k"}
    assert load(host="0.0.0.0", jwt_keys_file="jwks.json", **TOKENS, **tls).notes == ()


def test_an_admin_port_that_serves_probes_alone_is_told():
    def notes(**admin: str):
        return load_settings(environ={f"WEIR_ADMIN__{key.upper()}": value for key, value in admin.items()}).notes

    assert notes() == notes(host="0.0.0.0", allow_anonymous="true") == ()
    assert ["probes" in note for note in notes(host="0.0.0.0")] == [True]
