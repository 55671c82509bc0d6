"""What librdkafka says, as a worker passes it on: cause, fix, no secret, and the same words for the same cause."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.kafka.complaints import Complaint, in_words, outages, quiet
from streams.kafka.errors import OutcomeUnknown
from streams.kafka.rights import hindrance_in

CONFIG = {"sasl.password": "canary-40", "sasl.username": "u", "sasl.oauthbearer.token.endpoint.url": "http://x/token"}


@pytest.mark.parametrize(
    ("code", "said", "setting"),
    [
        (KafkaError._AUTHENTICATION, "SASL authentication error: invalid credentials", "kafka.sasl_password"),
        (KafkaError._AUTHENTICATION, "Failed to acquire SASL OAUTHBEARER token: no", "token_endpoint_url"),
        (KafkaError._SSL, "SSL handshake failed: certificate verify failed: …", "kafka.ssl_ca_location"),
        (KafkaError._TRANSPORT, "tls alert bad certificate: SSL alert number 42", "kafka.ssl_certificate_location"),
        (KafkaError._TRANSPORT, "connecting to a PLAINTEXT broker listener?", "kafka.security_protocol"),
    ],
)
def test_a_cause_comes_with_the_setting_that_mends_it(code: int, said: str, setting: str) -> None:
    words = in_words(KafkaError(code, said), CONFIG)
    assert said in words
    assert "fix: " in words
    assert setting in words


def test_the_same_cause_has_the_same_words_and_no_secret() -> None:
    first, second = (
        in_words(KafkaError(KafkaError._AUTHENTICATION, f"canary-40 (after {ms}ms in state AUTH_REQ)"), CONFIG)
        for ms in (3, 300)
    )
    assert first == second == "**********"


def test_the_reason_is_kept_when_all_brokers_are_down() -> None:
    complaint = Complaint(CONFIG)
    complaint(KafkaError(KafkaError._SSL, "verify failed"))
    complaint(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert "verify failed" in complaint.why


def test_one_broker_of_several_is_no_outage() -> None:
    told: list[KafkaError] = []
    on_error = outages(CONFIG, told.append)
    on_error(KafkaError(KafkaError._TRANSPORT, "connection reset"))
    assert told == []
    on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "3/3 brokers are down"))
    assert [error.str() for error in told] == ["connection reset"]


def test_a_client_is_quiet_unless_it_is_debugged() -> None:
    assert "logger" in quiet(CONFIG)
    assert quiet({**CONFIG, "debug": "security"}) == {}


def test_a_refusal_is_found_behind_what_came_of_it() -> None:
    refused = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    timeout = KafkaError(KafkaError._TIMED_OUT)

    def raised(first: KafkaError) -> OutcomeUnknown:
        try:
            raise KafkaException(first)
        except KafkaException as error:
            unknown = OutcomeUnknown("?")
            unknown.__cause__ = error
            return unknown

    found = [hindrance_in(raised(first)) for first in (refused, timeout, KafkaError(KafkaError._FENCED))]
    assert [None if error is None else error.code() for error in found] == [refused.code(), timeout.code(), None]
