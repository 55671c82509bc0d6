"""What fits together in `kafka.security_protocol`, `sasl_*` and `ssl_*`, and what is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli.main import app
from streams.kafka.client import check_client_config, client_config
from streams.kafka.complaints import without_secrets
from streams.settings import Problem, Settings, SettingsError, load_settings

CANARY = "canary-31c7"
OAUTHBEARER = {
    "SECURITY_PROTOCOL": "sasl_ssl",
    "SASL_MECHANISM": "OAUTHBEARER",
    "SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL": "https://login.example/token",
    "SASL_OAUTHBEARER_CLIENT_ID": "weir",
    "SASL_OAUTHBEARER_CLIENT_SECRET": CANARY,
}


def load(**keys: str) -> Settings:
    return load_settings(environ={f"WEIR_KAFKA__{key}": value for key, value in keys.items()})


def problems(**keys: str) -> dict[str, Problem]:
    with pytest.raises(SettingsError) as raised:
        load(**keys)
    return {problem.key.removeprefix("kafka."): problem for problem in raised.value.problems}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_oauthbearer_is_client_credentials_of_librdkafka(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    more = {"SCOPE": "kafka", "EXTENSIONS": "a=b,c=d", "CA_LOCATION": str(tmp_path / "ca.pem")}
    config = client_config(load(**OAUTHBEARER, **{f"SASL_OAUTHBEARER_{k}": v for k, v in more.items()}).kafka)
    assert {name: value for name, value in config.items() if "oauth" in name or "https" in name} == {
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": "https://login.example/token",
        "sasl.oauthbearer.client.id": "weir",
        "sasl.oauthbearer.client.secret": CANARY,
        "sasl.oauthbearer.scope": "kafka",
        "sasl.oauthbearer.extensions": "a=b,c=d",
        "https.ca.location": str(tmp_path / "ca.pem"),
    }


def test_librdkafka_takes_every_mechanism() -> None:
    check_client_config(load(**OAUTHBEARER).kafka)
    for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        user = {"SASL_USERNAME": "u", "SASL_PASSWORD": CANARY}
        check_client_config(load(SECURITY_PROTOCOL="sasl_ssl", SASL_MECHANISM=mechanism, **user).kafka)


@pytest.mark.parametrize("missing", [key for key in OAUTHBEARER if key.startswith("SASL_OAUTHBEARER")])
def test_what_oauthbearer_needs_is_asked_for(missing: str) -> None:
    found = problems(**{key: value for key, value in OAUTHBEARER.items() if key != missing})
    assert list(found) == [missing.lower()]
    assert "required with kafka.sasl_mechanism OAUTHBEARER" in found[missing.lower()].rule
    assert ("_file" in found[missing.lower()].fix) == missing.endswith("SECRET")


def test_another_way_to_a_token_is_librdkafkas_business() -> None:
    client = '{"sasl.oauthbearer.config": "principal=x"}'
    load(SECURITY_PROTOCOL="sasl_ssl", SASL_MECHANISM="OAUTHBEARER", CLIENT=client)


@pytest.mark.parametrize(
    "url", ["http://login.example/token", "http://10.0.0.1/token", "HTTP://login.example", "http://[x"]
)
def test_a_client_secret_does_not_travel_in_plain_text(url: str) -> None:
    found = problems(**{**OAUTHBEARER, "SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL": url})
    assert "plain text" in found["sasl_oauthbearer_token_endpoint_url"].rule


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/token", "http://localhost/token", "http://[::1]/token"])
def test_an_endpoint_on_this_machine_may_do_without_tls(url: str) -> None:
    load(**{**OAUTHBEARER, "SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL": url})


@pytest.mark.parametrize(
    ("keys", "key", "rule"),
    [
        ({"SASL_PASSWORD": CANARY}, "sasl_password", "security_protocol"),
        ({"SSL_CA_LOCATION": "."}, "ssl_ca_location", "nothing would be encrypted"),
        ({"SECURITY_PROTOCOL": "ssl", "SSL_CERTIFICATE_LOCATION": "."}, "ssl_key_location", "required"),
        ({"SECURITY_PROTOCOL": "ssl", "SSL_KEY_LOCATION": "."}, "ssl_certificate_location", "required"),
        ({"SASL_OAUTHBEARER_SCOPE": "x"}, "sasl_oauthbearer_scope", "only with"),
        ({"SASL_OAUTHBEARER_EXTENSIONS": "a b"}, "sasl_oauthbearer_extensions", "name=value"),
        ({"SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL": "ftp://x"}, "sasl_oauthbearer_token_endpoint_url", "http"),
    ],
)
def test_settings_that_would_not_do_what_they_say_are_refused(keys: dict[str, str], key: str, rule: str) -> None:
    assert rule in problems(**keys)[key].rule


@pytest.mark.parametrize(("mechanism", "what"), [("PLAIN", "the password"), ("SCRAM-SHA-512", "every record")])
def test_sasl_without_tls_works_and_is_remarked_on(mechanism: str, what: str) -> None:
    user = {"SASL_USERNAME": "u", "SASL_PASSWORD": CANARY}
    (note,) = load(SECURITY_PROTOCOL="sasl_plaintext", SASL_MECHANISM=mechanism, **user).notes
    assert what in note


def test_no_secret_is_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(CANARY)
    keys = {**OAUTHBEARER, "SASL_OAUTHBEARER_CLIENT_SECRET_FILE": str(tmp_path / "secret")}
    del keys["SASL_OAUTHBEARER_CLIENT_SECRET"]
    keys["SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL"] = f"https://user:{CANARY}@login.example/token?key={CANARY}"
    settings = load(**keys)
    assert settings.kafka.sasl_oauthbearer_client_secret is not None
    assert settings.kafka.sasl_oauthbearer_client_secret.get_secret_value() == CANARY
    for arguments in (["config", "explain"], ["config", "explain", "--json"]):
        result = CliRunner().invoke(app, arguments, env={f"WEIR_KAFKA__{key}": value for key, value in keys.items()})
        assert result.exit_code == 0, result.output
        assert "login.example/token" in result.output
        assert CANARY not in result.output
    assert CANARY not in repr(settings) + str(settings.kafka)


def test_a_secret_that_an_endpoint_repeats_is_masked() -> None:
    config = client_config(load(**OAUTHBEARER).kafka)
    assert without_secrets(f"no client weir with {CANARY}", config) == "no client weir with **********"
