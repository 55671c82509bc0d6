"""Every way to prove who one is to a real broker, and every way in which that fails."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kafka.topics import Topics
from tests.kafka.worker_kit import Traffic, Worker, make_topics, until
from tests.security.certificates import PASSWORD
from tests.security.secured import SECRET, Right, Secured

WRONG = "canary-wrong-77b0"
CANARIES = (SECRET, PASSWORD, WRONG)
USER_OF = {"ssl": "CN=worker", "plain": "plain", "scram256": "scram256", "scram512": "scram512", "oauthbearer": "oauth"}


def tls(
    secured: Secured, *, listener: str = "ssl", client: str = "worker", authority: str = "authority"
) -> dict[str, object]:
    return {
        "bootstrap_servers": secured.at(listener),
        "security_protocol": "ssl",
        "ssl_ca_location": secured.folder / authority / "ca.pem",
        "ssl_certificate_location": secured.folder / "authority" / f"{client}.pem",
        "ssl_key_location": secured.folder / "authority" / f"{client}.key",
        "ssl_key_password": PASSWORD,
    }


def sasl(secured: Secured, mechanism: str, user: str, secret: str = SECRET) -> dict[str, object]:
    keys: dict[str, object] = {
        "bootstrap_servers": secured.at("sasl"),
        "security_protocol": "sasl_ssl",
        "sasl_mechanism": mechanism,
        "ssl_ca_location": secured.folder / "authority" / "ca.pem",
    }
    if mechanism != "OAUTHBEARER":
        return keys | {"sasl_username": user, "sasl_password": secret}
    return keys | {
        "sasl_oauthbearer_token_endpoint_url": secured.token_endpoint.url,
        "sasl_oauthbearer_client_id": user,
        "sasl_oauthbearer_client_secret": secret,
        "sasl_oauthbearer_scope": "kafka",
    }


def settings_for(secured: Secured, way: str) -> dict[str, object]:
    if way == "ssl":
        return tls(secured)
    mechanism = {"plain": "PLAIN", "scram256": "SCRAM-SHA-256", "scram512": "SCRAM-SHA-512"}.get(way, "OAUTHBEARER")
    return sasl(secured, mechanism, USER_OF[way])


@pytest.mark.parametrize("way", USER_OF)
def test_a_worker_answers_over(way: str, secured: Secured, topics: Topics, registry: Path, tmp_path: Path) -> None:
    make_topics(topics)
    kinds = ("topic", "group", "transactional-id")
    secured.grant(USER_OF[way], [Right("All", kind, topics.prefix, prefixed=True) for kind in kinds])
    traffic = Traffic(topics)
    with Worker(topics, registry, tmp_path / "worker", settings_for(secured, way)) as worker:
        traffic.send()
        until(traffic.is_answered, worker, "all events are answered")
        artefacts = worker.log() + worker.ask("/status")[1] + worker.ask("/metrics")[1] + explained(worker)
    traffic.assert_exactly_once()
    artefacts += "".join(
        str((r.key, r.value, r.headers))
        for t in ("predictions", "dead-letters", "observations")
        for r in traffic.read(t)
    )
    assert "weir_predictions_total" in artefacts
    assert "bootstrap_servers" in artefacts
    assert not [canary for canary in CANARIES if canary in artefacts]


def explained(worker: Worker) -> str:
    """What `weir config explain` has to say about the same settings."""
    return run(worker, "config", "explain").stdout + run(worker, "config", "explain", "--json").stdout


def run(worker: Worker, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command with the settings of a worker."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
    command = [sys.executable, "-c", "from streams.cli import main; main()", *arguments]
    environment = {**inherited, **worker.environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


REFUSED = {
    "wrong password": ("kafka.sasl_password", lambda s: sasl(s, "SCRAM-SHA-512", "scram512", WRONG)),
    "wrong password, PLAIN": ("kafka.sasl_password", lambda s: sasl(s, "PLAIN", "plain", WRONG)),
    "wrong client secret": (
        "kafka.sasl_oauthbearer_client_secret|_client_secret",
        lambda s: sasl(s, "OAUTHBEARER", "oauth", WRONG),
    ),
    "wrong authority": ("kafka.ssl_ca_location", lambda s: tls(s, authority="stranger")),
    "expired certificate": ("has expired", lambda s: tls(s, listener="expired")),
    "another host's certificate": ("not for this host name", lambda s: tls(s, listener="misnamed")),
    "expired client certificate": ("kafka.ssl_certificate_location", lambda s: tls(s, client="late")),
    "a plaintext listener": ("kafka.security_protocol", lambda s: tls(s, listener="plaintext")),
}


@pytest.mark.parametrize("trouble", REFUSED)
def test_a_worker_that_is_not_let_in_says_why_and_waits(
    trouble: str, secured: Secured, topics: Topics, registry: Path, tmp_path: Path
) -> None:
    """It waits: a password may be given, a certificate renewed, without anybody thinking of the worker."""
    hint, keys = REFUSED[trouble]
    make_topics(topics)
    with Worker(topics, registry, tmp_path / "worker", keys(secured), roles="predict") as worker:

        def told() -> bool:
            said = [line for line in worker.log().splitlines() if "does not answer" in line]
            return any(re.search(hint, line) and "fix:" in line and "127.0.0.1" in line for line in said)

        until(told, worker, f"the log names {hint}")
        assert not worker.is_ready()
        assert not worker.says("assigned")
        answer = run(worker, "topics", "check")
        assert answer.returncode == 3, answer.stderr
        assert re.search(hint, answer.stderr), answer.stderr
        assert worker.process is not None
        assert worker.process.poll() is None
        artefacts = worker.log() + answer.stdout + answer.stderr + worker.ask("/status")[1] + worker.ask("/metrics")[1]
    assert not [canary for canary in CANARIES if canary in artefacts]


def test_a_password_that_is_given_later_lets_the_worker_in(
    secured: Secured, topics: Topics, registry: Path, tmp_path: Path
) -> None:
    make_topics(topics)
    kinds = ("topic", "group", "transactional-id")
    secured.grant("late", [Right("All", kind, topics.prefix, prefixed=True) for kind in kinds])
    traffic = Traffic(topics)
    traffic.send()
    with Worker(topics, registry, tmp_path / "worker", sasl(secured, "SCRAM-SHA-512", "late")) as worker:
        until(lambda: worker.says("does not answer", "kafka.sasl_password"), worker, "the log says why it waits")
        secured.add_user("late")
        until(traffic.is_answered, worker, "all events are answered")
    traffic.assert_exactly_once()


def test_a_key_that_cannot_be_opened_is_a_bad_setting(
    secured: Secured, topics: Topics, registry: Path, tmp_path: Path
) -> None:
    worker = Worker(topics, registry, tmp_path / "worker", tls(secured) | {"ssl_key_password": WRONG})
    answer = run(worker, "worker")
    assert answer.returncode == 2
    assert "ssl.key" in answer.stderr
    assert WRONG not in answer.stderr


def test_the_token_was_asked_for_as_set(secured: Secured, topics: Topics, registry: Path, tmp_path: Path) -> None:
    worker = Worker(topics, registry, tmp_path / "worker", settings_for(secured, "oauthbearer"))
    answer = run(worker, "topics", "check", "--json")
    assert answer.returncode == 4, answer.stderr
    assert {finding["what"] for finding in json.loads(answer.stdout)} == {"missing"}
    asked = secured.token_endpoint.asked[-1]
    assert (asked["grant_type"], asked["scope"]) == (["client_credentials"], ["kafka"])
