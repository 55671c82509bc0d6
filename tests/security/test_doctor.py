"""`weir doctor` on a broker with TLS and ACLs: it names each right that is missing, and the command that gives it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from streams.cli.main import app
from streams.kafka.topics import create_topics, default_plan
from streams.settings import TopicSettings
from tests.kafka.topics import Topics
from tests.security.secured import Right, Secured
from tests.security.test_mechanisms import sasl
from tests.security.test_rights import USER, documented


def test_each_right_that_is_missing_is_named_with_its_command(
    secured: Secured, topics: Topics, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = TopicSettings(prefix=topics.prefix)
    created = create_topics({"bootstrap.servers": secured.bootstrap_servers}, default_plan(names, partitions=2))
    look = [Right(operation, "topic", each.topic) for each in created for operation in ("Describe", "DescribeConfigs")]
    rights = [*documented(topics, "predict worker", "every worker"), *look]
    secured.grant(USER, rights)
    lost = [
        Right("Write", "topic", topics.name("predictions")),
        Right("Write", "topic", topics.name("figures")),
        Right("Read", "group", topics.name("weir-predict")),
    ]
    environment = {
        **{f"WEIR_KAFKA__{key.upper()}": str(value) for key, value in sasl(secured, "SCRAM-SHA-512", USER).items()},
        "WEIR_KAFKA__GROUP": topics.name("weir"),
        "WEIR_TOPICS__PREFIX": topics.prefix,
        "WEIR_MODEL__REGISTRY": str(registry),
    }

    def findings() -> list[dict[str, Any]]:
        result = CliRunner(env=environment).invoke(app, ["doctor", "--role", "predict", "--json"])
        assert result.exit_code in (0, 4), result.output
        found: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
        return found

    try:
        # Certificates of these tests are good for two days.
        assert {(each["check"], each["severity"], each["where"].split(" ")[0]) for each in findings()} == {
            ("certificates", "warning", "kafka.ssl_ca_location"),
            ("certificates", "warning", "the"),
        }
        secured.revoke(USER, lost)
        found = [each for each in findings() if each["check"] != "certificates"]
    finally:
        secured.admin.delete_topics([each.topic for each in created])
    assert {each["check"] for each in found} == {"rights"}
    for right, severity in zip(lost, ("error", "warning", "error"), strict=True):
        (own,) = [each for each in found if right.as_said() in each["what"]]
        assert (own["severity"], own["where"]) == (severity, f"User:{USER}")
        assert f"--operation {right.operation} --{right.kind} {right.name}" in own["fix"]
