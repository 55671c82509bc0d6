"""Rules of `kafka.security_protocol`, `kafka.sasl_*` and `kafka.ssl_*` that span more than one key. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from streams.settings.effective import Settings
from streams.settings.problems import Problem, problem_at

OAUTHBEARER = ("token_endpoint_url", "client_id", "client_secret", "scope", "extensions", "ca_location")
REQUIRED = {
    "PLAIN": ("sasl_username", "sasl_password"),
    "SCRAM-SHA-256": ("sasl_username", "sasl_password"),
    "SCRAM-SHA-512": ("sasl_username", "sasl_password"),
    "OAUTHBEARER": tuple(f"sasl_oauthbearer_{name}" for name in OAUTHBEARER[:3]),
}
WITH_FILE = ("sasl_password", "sasl_oauthbearer_client_secret")
FILES = ("ssl_ca_location", "ssl_certificate_location", "ssl_key_location", "sasl_oauthbearer_ca_location")


def security_problems(settings: Settings) -> Iterator[Problem]:
    """What is missing, left over, or not there."""
    yield from _sasl(settings)
    yield from _oauthbearer(settings)
    yield from _tls(settings)
    for key in FILES:
        location: Path | None = getattr(settings.kafka, key)
        if location is not None and not location.exists():
            yield problem_at(settings, f"kafka.{key}", "a file that exists", "correct the path, or mount the file")


def security_notes(settings: Settings) -> Iterator[str]:
    """What works and is not safe."""
    kafka = settings.kafka
    if kafka.security_protocol == "sasl_plaintext":
        what = "the password" if kafka.sasl_mechanism == "PLAIN" else "every record"
        if kafka.sasl_mechanism == "OAUTHBEARER":
            what = "the token"
        yield f"kafka.security_protocol sasl_plaintext sends {what} in plain text: use sasl_ssl"
    if "ssl" in kafka.security_protocol and kafka.ssl_endpoint_identification_algorithm == "none":
        yield "kafka.ssl_endpoint_identification_algorithm none lets any host with a trusted certificate be the broker"


def _sasl(settings: Settings) -> Iterator[Problem]:
    kafka, mechanism = settings.kafka, settings.kafka.sasl_mechanism
    if not kafka.security_protocol.startswith("sasl"):
        for key in ("sasl_mechanism", "sasl_username", "sasl_password"):
            if getattr(kafka, key) is not None:
                rule = "SASL needs kafka.security_protocol sasl_ssl or sasl_plaintext"
                yield problem_at(settings, f"kafka.{key}", rule, 'set kafka.security_protocol = "sasl_ssl"')
    elif mechanism is None:
        rule = f"required with kafka.security_protocol {kafka.security_protocol}"
        yield problem_at(settings, "kafka.sasl_mechanism", rule, 'set it, for example to "SCRAM-SHA-512"')
    elif mechanism != "OAUTHBEARER" or not any(name.startswith("sasl.oauthbearer.") for name in kafka.client):
        # Other ways to a token, such as an assertion, are librdkafka's own properties in kafka.client.
        for key in REQUIRED.get(mechanism, ()):
            if getattr(kafka, key) is None:
                fix = f"set it, or kafka.{key}_file" if key in WITH_FILE else "set it"
                yield problem_at(settings, f"kafka.{key}", f"required with kafka.sasl_mechanism {mechanism}", fix)


def _oauthbearer(settings: Settings) -> Iterator[Problem]:
    kafka = settings.kafka
    if kafka.sasl_mechanism != "OAUTHBEARER":
        for name in OAUTHBEARER:
            key = f"sasl_oauthbearer_{name}"
            if getattr(kafka, key) is not None:
                fix = 'set kafka.sasl_mechanism = "OAUTHBEARER", or remove it'
                yield problem_at(settings, f"kafka.{key}", "only with kafka.sasl_mechanism OAUTHBEARER", fix)
        return
    url = kafka.sasl_oauthbearer_token_endpoint_url
    if url is not None and url.lower().startswith("http:") and not on_this_machine(url):
        rule = "https, or http on this machine: the client secret goes there, and would in plain text"
        yield problem_at(settings, "kafka.sasl_oauthbearer_token_endpoint_url", rule, "use the https address")


def _tls(settings: Settings) -> Iterator[Problem]:
    kafka = settings.kafka
    if "ssl" not in kafka.security_protocol:
        for key in FILES[:3]:
            if getattr(kafka, key) is not None:
                secure = "sasl_ssl" if kafka.security_protocol.startswith("sasl") else "ssl"
                rule = f"not used with kafka.security_protocol {kafka.security_protocol}: nothing would be encrypted"
                yield problem_at(settings, f"kafka.{key}", rule, f'set kafka.security_protocol = "{secure}"')
    certificate, key_file = kafka.ssl_certificate_location, kafka.ssl_key_location
    if certificate is not None and key_file is None:
        yield problem_at(settings, "kafka.ssl_key_location", "required with kafka.ssl_certificate_location", "set it")
    if key_file is not None and certificate is None:
        yield problem_at(settings, "kafka.ssl_certificate_location", "required with kafka.ssl_key_location", "set it")


def on_this_machine(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
