"""From settings to librdkafka properties, and the ways in which a broker is out of reach."""

from __future__ import annotations

from typing import TypeAlias

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from streams.kafka.complaints import without_secrets
from streams.settings import KafkaSettings, Problem, SecretStr, SettingsError

ClientConfig: TypeAlias = dict[str, str | int | float | bool]

LOCAL_TIMEOUTS = frozenset({KafkaError._TIMED_OUT, KafkaError._TIMED_OUT_QUEUE})
"""No broker answered in time; the second, because the request never left: none was connected."""

PASSING = LOCAL_TIMEOUTS | {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE}
"""Errors that librdkafka retries by itself; they matter only when a deadline has passed."""


NO_GROUP = frozenset({KafkaError.GROUP_AUTHORIZATION_FAILED})
"""What a reader outside any group is told for the name that it has to give; it needs no right on that."""


class BrokerUnreachable(Exception):
    """No broker answered in time."""

    exit_code = 3

    def __init__(self, bootstrap_servers: str, timeout_s: float, why: str = "") -> None:
        self.bootstrap_servers, self.timeout_s, self.why = bootstrap_servers, timeout_s, why
        super().__init__(
            f"no Kafka broker answered at {bootstrap_servers} within {timeout_s:g} s{f' ({why})' if why else ''}; "
            f"likely cause: it is not running, or the address or kafka.security_protocol is wrong; "
            f"fix: start one with `weir broker`, or set kafka.bootstrap_servers"
        )


class TopicMissing(Exception):
    """A topic does not exist, or this user may not see it."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        super().__init__(
            f"topic {topic!r} does not exist, or this user may not see it; fix: run `weir topics create`, "
            f"or correct topics.prefix"
        )


def client_config(kafka: KafkaSettings) -> ClientConfig:
    """librdkafka properties that every client needs: address, security, and what `kafka.client` adds or overrides.

    The result holds secrets in plain text: do not log it.
    """
    config: ClientConfig = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "client.id": kafka.group,
        "security.protocol": kafka.security_protocol,
    }
    if "ssl" in kafka.security_protocol:
        config["ssl.endpoint.identification.algorithm"] = kafka.ssl_endpoint_identification_algorithm
    if kafka.sasl_oauthbearer_token_endpoint_url is not None:
        config["sasl.oauthbearer.method"] = "oidc"
    optional = {
        "sasl.mechanism": kafka.sasl_mechanism,
        "sasl.username": kafka.sasl_username,
        "sasl.password": _shown(kafka.sasl_password),
        "sasl.oauthbearer.token.endpoint.url": kafka.sasl_oauthbearer_token_endpoint_url,
        "sasl.oauthbearer.client.id": kafka.sasl_oauthbearer_client_id,
        "sasl.oauthbearer.client.secret": _shown(kafka.sasl_oauthbearer_client_secret),
        "sasl.oauthbearer.scope": kafka.sasl_oauthbearer_scope,
        "sasl.oauthbearer.extensions": kafka.sasl_oauthbearer_extensions,
        "https.ca.location": kafka.sasl_oauthbearer_ca_location,
        "ssl.ca.location": kafka.ssl_ca_location,
        "ssl.certificate.location": kafka.ssl_certificate_location,
        "ssl.key.location": kafka.ssl_key_location,
        "ssl.key.password": _shown(kafka.ssl_key_password),
    }
    config |= {name: str(value) for name, value in optional.items() if value is not None}
    # librdkafka wants "true", not "True".
    config |= {name: str(value).lower() if isinstance(value, bool) else value for name, value in kafka.client.items()}
    return config


def _shown(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def check_client_config(kafka: KafkaSettings) -> None:
    """Let librdkafka look at the properties, without connecting. Raises SettingsError with its words."""
    config = client_config(kafka)
    try:
        AdminClient({**config, "log_level": 0})
    except (KafkaException, ValueError, TypeError) as error:
        cause = error.args[0] if error.args else error
        reason = without_secrets(cause.str() if isinstance(cause, KafkaError) else str(cause), config)
        fix = "correct the property; its name and range are in librdkafka's CONFIGURATION.md"
        raise SettingsError([Problem("kafka", "as configured", "kafka.*", f"librdkafka says: {reason}", fix)]) from None
