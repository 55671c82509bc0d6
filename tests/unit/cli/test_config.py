"""`weir config explain`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli.config import toml
from streams.cli.main import app
from streams.settings.loading import KEYS

CANARY = "canary-9c41"
CONFIG = f"""
[kafka]
security_protocol = "sasl_ssl"
sasl_mechanism = "PLAIN"
sasl_username = "u"
sasl_password = "{CANARY}"
client = {{"ssl.key.password" = "{CANARY}", "socket.timeout.ms" = 5000}}
[worker]
linger_ms = 7
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "p.toml"
    path.write_text(CONFIG)
    return path


def test_each_setting_comes_with_value_and_origin_and_without_secrets(config: Path) -> None:
    result = CliRunner().invoke(
        app, ["config", "explain", "--config", str(config), "--json"], env={"WEIR_ADMIN__PORT": "7001"}
    )
    assert result.exit_code == 0, result.stderr
    assert CANARY not in result.output
    rows = {row["key"]: row for row in json.loads(result.stdout)}
    assert list(rows) == KEYS
    assert rows["admin.port"]["value"] == 7001
    assert (rows["admin.port"]["source"], rows["admin.port"]["where"]) == ("environment", "WEIR_ADMIN__PORT")
    assert (rows["worker.linger_ms"]["source"], rows["worker.linger_ms"]["where"]) == ("file", str(config))
    assert rows["worker.dedupe_window"]["source"] == "default"
    assert rows["kafka.client"]["value"] == {"ssl.key.password": "*" * 10, "socket.timeout.ms": 5000}
    assert rows["model.registry"] == {
        "key": "model.registry",
        "value": "registry",
        "source": "default",
        "where": "",
        "variable": "WEIR_MODEL__REGISTRY",
    }


def test_the_text_is_toml_with_origins_and_without_secrets(config: Path) -> None:
    result = CliRunner().invoke(app, ["config", "explain", "--config", str(config)])
    assert CANARY not in result.output
    document = tomllib.loads(result.stdout)
    assert document["worker"]["linger_ms"] == 7
    assert document["drift"]["detector"] == {"name": "ADWIN", "parameters": {"clock": 1}}
    line = next(line for line in result.stdout.splitlines() if line.startswith("linger_ms"))
    assert line.endswith(f"# file {config}")


def test_bad_settings_are_exit_2_with_all_of_them_on_stderr(config: Path) -> None:
    env = {"WEIR_ADMIN__PORT": "x", "WEIR_DRIFT__BLOCK_MS": "0", "WEIR_KAFKA__SASL_PASWORD": CANARY}
    result = CliRunner().invoke(app, ["config", "explain", "--config", str(config), "--json"], env=env)
    assert (result.exit_code, result.stdout) == (2, "")
    assert all(key in result.stderr for key in ("admin.port", "drift.block_ms", "WEIR_KAFKA__SASL_PASWORD"))
    assert CANARY not in result.output


def test_a_property_that_librdkafka_does_not_know_is_exit_2(config: Path) -> None:
    env = {"WEIR_KAFKA__CLIENT": '{"no.such.property": 1}'}
    result = CliRunner().invoke(app, ["config", "explain", "--config", str(config)], env=env)
    assert result.exit_code == 2
    assert "no.such.property" in result.stderr


@pytest.mark.parametrize(
    "value", [True, 5, 0.25, "plain", 'quote " back \\ line\nnul\x00 é 😀', [1, "a"], {"a.b": {"c": "d"}}]
)
def test_values_survive_the_notation(value: object) -> None:
    assert tomllib.loads(f"x = {toml(value)}")["x"] == value
