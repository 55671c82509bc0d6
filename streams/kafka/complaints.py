"""What a client says in the background: why it does not get through, which its calls do not tell."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError

from streams.settings.secret import MASK, SECRET_NAME

SILENT = logging.getLogger("streams.kafka.librdkafka")
"""For clients whose every failure is told by their calls: librdkafka prints fatal ones at any `log_level`."""
SILENT.disabled = True

OUTAGES = frozenset({KafkaError._ALL_BROKERS_DOWN, KafkaError._AUTHENTICATION, KafkaError._SSL})
"""Without one broker of several the others still answer: that is no reason to wait."""

FRESH_S = 60.0
"""So long a reason explains that all brokers are down; it is told again with each try."""

_STATE = re.compile(r" \(after \d+ms in state \w+\)")

_FIXES = {
    "OAUTHBEARER token": (
        "the token endpoint gave none; fix: correct kafka.sasl_oauthbearer_token_endpoint_url, _client_id, "
        "_client_secret (or its file) and _ca_location, or look at the endpoint"
    ),
    "SASL authentication error": (
        "the broker does not know these credentials; fix: correct kafka.sasl_mechanism, kafka.sasl_username and "
        "kafka.sasl_password (or its file), or give the user that password on the broker"
    ),
    "verify failed": (
        "the broker's certificate is of another authority, has expired, or is not for this host name; fix: correct "
        "kafka.ssl_ca_location or the name in kafka.bootstrap_servers, or renew the broker's certificate"
    ),
    "SSL alert": (
        "the broker does not accept this client's certificate, or wants one; fix: correct "
        "kafka.ssl_certificate_location and kafka.ssl_key_location, or renew the certificate"
    ),
    "PLAINTEXT broker": "the broker speaks plaintext there; fix: correct the port, or kafka.security_protocol",
    "brokers are down": "the broker is not running, or the address or kafka.security_protocol is wrong; fix: see there",
}
"""Signs in librdkafka's words, with likely cause and fix."""


def quiet(client_config: Mapping[str, Any]) -> dict[str, Any]:
    """Properties that keep a client from printing, unless the operator asked it to."""
    return {} if client_config.keys() & {"debug", "log_level"} else {"log_level": 2, "logger": SILENT}


class Complaint:
    """For `error_cb`: keeps the newest reason in `why`, with likely cause and fix. Served by the client's `poll`."""

    def __init__(self, client_config: Mapping[str, Any]) -> None:
        self._config = client_config
        self._said_at = 0.0
        self.why = ""

    def __call__(self, error: KafkaError) -> None:
        now = time.monotonic()
        fresh = self.why and now - self._said_at < FRESH_S
        if error.code() != KafkaError._ALL_BROKERS_DOWN or not fresh:
            self.why, self._said_at = in_words(error, self._config), now


def outages(client_config: Mapping[str, Any], tell: Callable[[KafkaError], None]) -> Callable[[KafkaError], None]:
    """For `error_cb`: tells, in words fit for a log, when no broker can be used at all."""
    complaint = Complaint(client_config)

    def on_error(error: KafkaError) -> None:
        complaint(error)
        if error.code() in OUTAGES:
            tell(KafkaError(error.code(), complaint.why))

    return on_error


def in_words(error: KafkaError, client_config: Mapping[str, Any]) -> str:
    """What happened, the likely cause and a fix, without secrets and without what differs from try to try."""
    said = without_secrets(_STATE.sub("", error.str()), client_config)
    fix = next((fix for sign, fix in _FIXES.items() if sign in said), "")
    return f"{said}; likely cause: {fix}" if fix else said


def without_secrets(text: str, client_config: Mapping[str, Any]) -> str:
    """The text with every secret of the configuration masked, should a broker or an endpoint repeat it."""
    for name, value in client_config.items():
        secret = SECRET_NAME.search(name) and not name.endswith(("url", "location"))
        if secret and isinstance(value, str) and len(value) >= 3:
            text = text.replace(value, MASK)
    return text
