"""Settings as librdkafka properties."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.kafka.client import check_client_config, client_config
from streams.settings import KafkaSettings, SecretStr, SettingsError


def test_address_and_security_become_properties() -> None:
    config = client_config(
        KafkaSettings(
            bootstrap_servers="a:1,b:2",
            security_protocol="sasl_ssl",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_username="u",
            sasl_password=SecretStr("p"),
            ssl_ca_location=Path("/ca.pem"),
        )
    )
    assert config == {
        "bootstrap.servers": "a:1,b:2",
        "client.id": "weir",
        "security.protocol": "sasl_ssl",
        "ssl.endpoint.identification.algorithm": "https",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "u",
        "sasl.password": "p",
        "ssl.ca.location": "/ca.pem",
    }


def test_further_properties_come_last_in_librdkafkas_notation() -> None:
    config = client_config(KafkaSettings(client={"client.id": "mine", "socket.keepalive.enable": True, "linger.ms": 1}))
    assert (config["client.id"], config["socket.keepalive.enable"], config["linger.ms"]) == ("mine", "true", 1)
    check_client_config(KafkaSettings(client={"socket.keepalive.enable": True}))


@pytest.mark.parametrize("client", [{"no.such.property": 1}, {"socket.timeout.ms": "soon"}])
def test_librdkafkas_own_objections_are_settings_errors(client: dict[str, str | int | float | bool]) -> None:
    with pytest.raises(SettingsError, match=next(iter(client))):
        check_client_config(KafkaSettings(client=client))
